/** The process of the private server. One command starts it; others recognise it later, use it and stop it. */
import * as fs from "node:fs";
import { createConnection } from "mysql2/promise";
import { driverError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";
import { reason, type ServerProgram, systemOptions } from "./mysqld.ts";

/** Milliseconds. A start after a crash reads the logs first, and a stop writes all memory, so both can take long. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 60_000;
const POLL_MS = 20;
const LOG_BYTES_MAX = 1 << 20;

/** The paths of a server's data, its socket and its log. */
export interface ServerPlace {
  data: string;
  socket: string;
  log: string;
}

/**
 * Starts the program and waits until it answers.
 * @param born called with the process id as soon as it is known
 * @throws MusterError `unavailable` with the reason that its log gives
 */
export async function startProcess(
  program: ServerProgram,
  place: ServerPlace,
  settings: string[],
  born: (pid: number) => void,
): Promise<void> {
  // A killed server leaves these files, which would keep the next one from starting.
  for (const path of [place.socket, `${place.socket}.lock`]) fs.rmSync(path, { force: true });
  const { log, bytes } = openLog(place.log);
  const options = [`--datadir=${place.data}`, `--socket=${place.socket}`, "--pid-file=server.pid"];
  const child = Bun.spawn([program.path, "--no-defaults", ...options, ...systemOptions(program), ...settings], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
    // In its own session, so that Ctrl-C ends only the command and not the server, which other commands may use.
    detached: true,
  });
  fs.closeSync(log);
  child.unref();
  born(child.pid);
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const isDecided = await until(START_MS_MAX, async () => ended() || (await answers(place.socket)));
  if (isDecided && !ended()) return;
  child.kill("SIGKILL");
  const why = reason(fs.readFileSync(place.log).subarray(bytes).toString()) ?? "it gave no reason";
  throw new MusterError("unavailable", `${program.kind} ${program.version} does not start: ${why} (see ${place.log})`);
}

/**
 * Whether the server is up. If it is starting or stopping, this waits for it.
 * @throws MusterError `unavailable` if it neither answers nor ends
 */
export async function isUp(pid: number, place: ServerPlace): Promise<boolean> {
  if (!serves(pid, place.data)) return false;
  const state = await until(START_MS_MAX, async () => (alive(pid) ? (await answers(place.socket)) && "up" : "down"));
  if (state) return state === "up";
  throw new MusterError("unavailable", `the database server (process ${pid}) does not answer: see ${place.log}`);
}

/** Tells the server to stop, and waits until its process has ended. */
export async function stopProcess(pid: number, place: Pick<ServerPlace, "data" | "log">): Promise<void> {
  if (!serves(pid, place.data)) return;
  process.kill(pid, "SIGTERM");
  if (await until(STOP_MS_MAX, async () => !alive(pid))) return;
  throw new MusterError("unavailable", `the database server (process ${pid}) does not stop: see ${place.log}`);
}

/** Whether this process is the server of these data. If the server has ended, another process may have got its id. */
export function serves(pid: number, data: string): boolean {
  return processOf(pid)?.command.includes(`--datadir=${data} `) ?? false;
}

/** Calls `probe` until its answer is neither undefined nor false. Returns that answer, or undefined if the time is over. */
export async function until<T>(
  milliseconds: number,
  probe: () => Promise<T | undefined | false>,
): Promise<T | undefined> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    const answer = await probe();
    if (answer) return answer;
    await Bun.sleep(POLL_MS);
  }
  return undefined;
}

function openLog(path: string): { log: number; bytes: number } {
  const before = fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const bytes = before > LOG_BYTES_MAX ? 0 : before;
  return { log: fs.openSync(path, bytes === 0 ? "w" : "a"), bytes };
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    const connection = await createConnection({ socketPath, user: "root", connectTimeout: 1_000 });
    await connection.query("SELECT 1");
    await connection.end();
    return true;
  } catch (error) {
    return driverError(error)?.code === "ER_CON_COUNT_ERROR";
  }
}

/** Whether a process runs. One that has ended may stay as a zombie if nobody asks for its exit status, as in a container. */
export function alive(pid: number): boolean {
  return !/^[ZX]/.test(processOf(pid)?.state ?? "Z");
}

function processOf(pid: number): { state: string; command: string } | undefined {
  if (process.platform === "linux") {
    try {
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      // "pid (name) state ...". The name may have any characters, so the state is what follows the last ") ".
      const [state = ""] = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").slice(-1);
      return { state, command };
    } catch {
      return undefined;
    }
  }
  const listed = Bun.spawnSync(["ps", "-ww", "-o", "stat=,args=", "-p", String(pid)]).stdout.toString();
  const [state, ...command] = listed.trim().split(/ +/);
  return state ? { state, command: command.join(" ") } : undefined;
}

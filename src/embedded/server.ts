/**
 * A private server for runs without DATABASE_URL (design section 3). All commands in one folder share one server: the first
 * starts it, the last stops it. Who is there is told by file locks, which the kernel takes back from a process that dies.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../errors.ts";
import { type FileLock, lockAlone, lockShared } from "./file-lock.ts";
import { findProgram, initialise, type ServerProgram } from "./mysqld.ts";
import { isUp, serves, startProcess, stopProcess, until } from "./server-process.ts";

/** While another command installs, initialises, starts or stops. */
const TURN_MS_MAX = 300_000;
/** A Unix socket's path ends at 107 bytes on Linux, at 103 on macOS. */
const SOCKET_PATH_BYTES_MAX = 103;

const SETTINGS = [
  "--skip-networking",
  "--skip-name-resolve",
  "--skip-log-bin",
  "--performance-schema=OFF",
  "--innodb-buffer-pool-size=256M",
  "--local-infile=1",
  "--character-set-server=utf8mb4",
  "--collation-server=utf8mb4_unicode_ci",
];

export interface ServerOptions {
  /** The server's program (MUSTER_MYSQLD); one is looked for where it is undefined. */
  mysqld?: string | undefined;
  say(line: string): void;
  /** Settings that win over ours, where this call is the one that starts the server. */
  args?: string[];
}

export interface EmbeddedServer {
  /** Database `muster` over the server's socket. */
  url: string;
  /** Such as "MariaDB 10.11.19". */
  version: string;
  /** Leaves the server; the last to leave stops it and waits until it is gone. */
  stop(): Promise<void>;
}

/**
 * Joins the server whose data lies in `folder`; starts it where it is down, and makes the data where there is none.
 * @throws MusterError `unavailable` where there is no server to be had or it does not start, `conflict` where the data
 *   were made by the other kind
 */
export async function joinServer(folder: string, options: ServerOptions): Promise<EmbeddedServer> {
  const place = placeOf(folder);
  return inTurn(place, async () => {
    const server = (await runningServer(place, options)) ?? (await startServer(place, options));
    const user = lockShared(place.users);
    let left: Promise<void> | undefined;
    return {
      url: `mysql://root@localhost/muster?socket=${encodeURIComponent(server.socket)}`,
      version: `${server.kind} ${server.version}`,
      stop: () => {
        left ??= leave(place, server, user);
        return left;
      },
    };
  });
}

interface Place {
  folder: string;
  data: string;
  log: string;
  /** Held alone by whoever starts or stops the server. */
  turn: string;
  /** Shared by everybody who uses the server. */
  users: string;
}

/** What is written beside the data: who made them, and the process that served them last, which may be gone. */
interface Server {
  kind: ServerProgram["kind"];
  version: string;
  pid: number;
  socket: string;
}

function placeOf(folder: string): Place {
  try {
    fs.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new MusterError("unavailable", `${folder} cannot be made: see that it may be written`, { cause: error });
  }
  // One spelling, for the server's process is known by it.
  const root = fs.realpathSync(folder);
  const at = (name: string) => join(root, name);
  return { folder: root, data: at("mysql"), log: at("mysql.log"), turn: at("mysql.turn"), users: at("mysql.users") };
}

async function inTurn<T>(place: Place, work: () => Promise<T>): Promise<T> {
  const turn = await until(TURN_MS_MAX, async () => lockAlone(place.turn));
  if (!turn) {
    throw new MusterError("unavailable", `another command has held the server in ${place.folder} for 5 minutes`);
  }
  try {
    return await work();
  } finally {
    turn.release();
  }
}

async function runningServer(place: Place, options: ServerOptions): Promise<Server | undefined> {
  const server = readServer(place.data);
  if (!server || !(await isUp(server.pid, { ...place, socket: server.socket }))) return undefined;
  if (options.mysqld) refuseOtherKind(place, server, await findProgram(options.mysqld, options.say));
  return server;
}

async function startServer(place: Place, options: ServerOptions): Promise<Server> {
  const program = await findProgram(options.mysqld, options.say);
  // In a shared one, a MariaDB that starts deletes what another works with.
  const temporary = join(place.folder, "mysql.tmp");
  fs.mkdirSync(temporary, { recursive: true, mode: 0o700 });
  const settings = [...SETTINGS, `--tmpdir=${temporary}`, ...(options.args ?? [])];
  const made = readServer(place.data);
  if (made) refuseOtherKind(place, made, program);
  else await makeData(place, program, settings, options.say);

  const { kind, version } = program;
  const server: Server = { kind, version, pid: 0, socket: socketPath(place) };
  await startProcess(program, { ...place, socket: server.socket }, settings, (pid) => {
    server.pid = pid;
    writeServer(place.data, server);
  });
  return server;
}

/** In a directory beside it first, so that a start that is killed leaves no half of it. */
async function makeData(
  place: Place,
  program: ServerProgram,
  settings: string[],
  say: ServerOptions["say"],
): Promise<void> {
  for (const name of fs.readdirSync(place.folder).filter((each) => each.startsWith("mysql.new-"))) {
    fs.rmSync(join(place.folder, name), { recursive: true });
  }
  const { kind, version } = program;
  say(`Making a ${kind} ${version} database in ${place.folder}`);
  const folder = fs.mkdtempSync(join(place.folder, "mysql.new-"));
  const data = join(folder, "data");
  await initialise(program, data, settings);
  fs.chmodSync(data, 0o700);
  writeServer(data, { kind, version, pid: 0, socket: "" });
  fs.renameSync(data, place.data);
  fs.rmdirSync(folder);
}

function refuseOtherKind(place: Place, made: Server, found: ServerProgram): void {
  if (made.kind === found.kind) return;
  throw new MusterError(
    "conflict",
    `the database in ${place.data} was made by ${made.kind} ${made.version}, and ${found.path} is ${found.kind} ` +
      `${found.version}: set MUSTER_MYSQLD to a ${made.kind} server, or delete ${place.data} to begin anew`,
  );
}

const recordOf = (data: string) => join(data, "muster.json");

/** @throws MusterError `conflict` where there are data and nothing says whose: they are never taken for nobody's */
function readServer(data: string): Server | undefined {
  if (!fs.existsSync(data)) return undefined;
  try {
    return JSON.parse(fs.readFileSync(recordOf(data), "utf8"));
  } catch (error) {
    throw new MusterError("conflict", `${recordOf(data)} cannot be read, so ${data} is left alone: move it away`, {
      cause: error,
    });
  }
}

function writeServer(data: string, server: Server): void {
  const beside = `${recordOf(data)}.new`;
  fs.writeFileSync(beside, `${JSON.stringify(server)}\n`);
  fs.renameSync(beside, recordOf(data));
}

/** Beside the data where the path fits, else in a private directory that is named after the folder. */
function socketPath(place: Place): string {
  const path = join(place.data, "mysql.sock");
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  const name = createHash("sha256").update(place.folder).digest("hex").slice(0, 16);
  const directory = join(tmpdir(), `muster-${name}`);
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = fs.lstatSync(directory);
  // Anybody can make a directory of that name, and then what connects there talks to them.
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new MusterError("unavailable", `${directory} is not this user's alone: remove it, or set TMPDIR elsewhere`);
  }
  return join(directory, "mysql.sock");
}

async function leave(place: Place, joined: Server, user: FileLock): Promise<void> {
  user.release();
  if (!fs.existsSync(place.data)) {
    // Somebody deleted the folder: there is nothing left to write.
    if (serves(joined.pid, place.data)) process.kill(joined.pid, "SIGKILL");
    return;
  }
  await inTurn(place, async () => {
    const unused = lockAlone(place.users);
    if (!unused) return;
    unused.release();
    // Not always the one that was joined: after a crash another command may have started the next.
    const server = readServer(place.data);
    if (server) await stopProcess(server.pid, place);
  });
}

/** Runs whole processes, and measures their time from start to end and the most memory they had. */
import { readFileSync } from "node:fs";
import { MusterError } from "../../src/errors.ts";

export interface Measured {
  seconds: number;
  /** The most memory that the process had, and each process that it started, in megabytes (10^6 bytes). */
  rssMb: number;
  stdout: string;
}

export interface Command {
  arguments: string[];
  environment?: Record<string, string>;
  /** A file for its standard input. */
  input?: string;
  /** Kills the process when it aborts. */
  signal: AbortSignal;
}

const ROOT = `${import.meta.dir}/../..`;
/** How often the peak memory is read. The kernel remembers the peak, so only a rise in the last moments can be missed. */
const MEMORY_EVERY_MS = 25;

/** The options to run a process in Muster's folder, with only PATH and HOME of this process's environment. */
export function surroundings({ environment, signal }: Command) {
  signal.throwIfAborted();
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment };
  return { cwd: ROOT, env, signal, killSignal: "SIGKILL" } as const;
}

/** Runs a process to its end. @throws MusterError `unavailable` with its error message if it fails */
export async function measure(command: Command): Promise<Measured> {
  const started = performance.now();
  const stdin = command.input === undefined ? "ignore" : Bun.file(command.input);
  const child = Bun.spawn(command.arguments, { ...surroundings(command), stdin, stdout: "pipe", stderr: "pipe" });
  const memory = new Map<number, number>();
  const watch = setInterval(() => watchMemory(child.pid, memory), MEMORY_EVERY_MS);
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  const seconds = (performance.now() - started) / 1000;
  clearInterval(watch);
  command.signal.throwIfAborted();
  const rssMb = [...memory.values()].reduce((sum, peak) => sum + peak, 0);
  const [stdout, stderr] = await output;
  if (code === 0) return { seconds, rssMb, stdout };
  const lines = stderr.trim().split("\n");
  const said = lines.find((line) => /^error/i.test(line)) ?? lines.at(-1);
  throw new MusterError("unavailable", `${command.arguments.join(" ").slice(0, 200)} failed (exit ${code}): ${said}`);
}

/** Notes the most memory of a process and of those that it started: `mysqldump | gzip` is a shell with two children. */
function watchMemory(pid: number, memory: Map<number, number>): void {
  memory.set(pid, Math.max(memory.get(pid) ?? 0, peakMemory(pid)));
  for (const child of childrenOf(pid)) watchMemory(child, memory);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** The most memory that a process had so far, in megabytes. 0 if the process is gone, or if the system has no /proc. */
export function peakMemory(pid: number): number {
  // The resource usage at the end of the process is useless: its peak includes the memory of the process that forked it.
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return (Number(kibibytes ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

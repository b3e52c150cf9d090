/** Whole processes, timed from before their start to after their end, with the most memory they had. */
import { readFileSync } from "node:fs";
import { MusterError } from "../../src/errors.ts";

export interface Measured {
  seconds: number;
  /** Megabytes of 10^6 bytes at the process's peak. */
  rssMb: number;
  stdout: string;
}

export interface Command {
  arguments: string[];
  environment?: Record<string, string>;
  /** A file that is its standard input. */
  input?: string;
  /** Killed when this aborts. */
  signal: AbortSignal;
}

const ROOT = `${import.meta.dir}/../..`;
/** A peak is kept by the kernel until it is asked for: only the last moments before the end can be missed. */
const MEMORY_EVERY_MS = 25;

/** In Muster's folder, with nothing of this process's environment but PATH and HOME. */
export function surroundings({ environment, signal }: Command) {
  signal.throwIfAborted();
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment };
  return { cwd: ROOT, env, signal, killSignal: "SIGKILL" } as const;
}

/** Runs a process to its end. @throws MusterError `unavailable` with what it said last where it fails */
export async function measure(command: Command): Promise<Measured> {
  const started = performance.now();
  const stdin = command.input === undefined ? "ignore" : Bun.file(command.input);
  const child = Bun.spawn(command.arguments, { ...surroundings(command), stdin, stdout: "pipe", stderr: "pipe" });
  let rssMb = 0;
  const watch = setInterval(() => {
    rssMb = Math.max(rssMb, peakMemory(child.pid));
  }, MEMORY_EVERY_MS);
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  const seconds = (performance.now() - started) / 1000;
  clearInterval(watch);
  command.signal.throwIfAborted();
  const [stdout, stderr] = await output;
  if (code === 0) return { seconds, rssMb, stdout };
  const lines = stderr.trim().split("\n");
  const said = lines.find((line) => /^error/i.test(line)) ?? lines.at(-1);
  throw new MusterError("unavailable", `${command.arguments.join(" ").slice(0, 200)} failed (exit ${code}): ${said}`);
}

/** Megabytes; 0 where the process is gone, or where the system has no /proc. */
export function peakMemory(pid: number): number {
  // Not the resource usage that the kernel reports at the end: it begins at what the process that forked it had.
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return (Number(kibibytes ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

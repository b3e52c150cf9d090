/** What a process has used, from /proc: on Linux alone. */
import { readFileSync } from "node:fs";

/** The most memory that the process has had at once, in millions of bytes. */
export function peakMegabytes(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return (Number(kibibytes) * 1024) / 1e6;
}

/** The processor time of the process. Other work on the machine does not change it, unlike time on a clock. */
export function cpuMilliseconds(pid: number): number {
  const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const [user, system] = after.split(" ").slice(11, 13).map(Number);
  return ((user ?? 0) + (system ?? 0)) * TICK_MS;
}
const TICK_MS = 10;

/** Keeps the process on one core, if the system has a program for that. */
export function onOneCore(pid: number): void {
  if (Bun.which("taskset")) Bun.spawnSync(["taskset", "-acp", "0", `${pid}`]);
}

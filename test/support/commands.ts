import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** Starts a command of Muster as its own process, with nothing of this one's environment but PATH. */
export function start(args: string[], environment: Record<string, string> = {}, cwd = ROOT) {
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment };
  return Bun.spawn([process.execPath, ...args], { cwd, env, stdout: "pipe", stderr: "pipe" });
}

/** Runs a command to its end. */
export async function run(args: string[], environment: Record<string, string> = {}, cwd = ROOT): Promise<Finished> {
  const process = start(args, environment, cwd);
  const [stdout, stderr] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
  ]);
  return { code: await process.exited, stdout, stderr };
}

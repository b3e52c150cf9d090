import { join } from "node:path";
import type { DebugPoint } from "../../src/debug-points.ts";

export const ROOT = join(import.meta.dir, "../..");
const environmentOf = (given: Record<string, string>) => ({
  PATH: process.env.PATH ?? "",
  HOME: process.env.HOME ?? "",
  ...given,
});

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** Starts a command of Muster as its own process, whose environment is PATH, HOME and what is given. */
export function start(args: string[], environment: Record<string, string> = {}, cwd = ROOT) {
  return Bun.spawn([process.execPath, ...args], {
    cwd,
    env: environmentOf(environment),
    stdout: "pipe",
    stderr: "pipe",
  });
}

/**
 * Starts the service in a folder, and waits for the line that says where it listens, or for another one.
 * If it crashes later, what it wrote to stderr is printed: the test itself sees only a refused connection.
 * @param project a copy of the project, if the service is not this one
 * @throws if it ends before, with what it wrote
 */
export async function serve(
  environment: Record<string, string>,
  cwd = ROOT,
  awaited = "Muster serves",
  project = ROOT,
) {
  const service = start([join(project, "src/main.ts")], { PORT: "0", ...environment }, cwd);
  let [log, errors] = ["", ""];
  const reading = [
    (async () => {
      for await (const text of service.stdout.pipeThrough(new TextDecoderStream())) log += text;
    })(),
    (async () => {
      for await (const text of service.stderr.pipeThrough(new TextDecoderStream())) errors += text;
    })(),
  ];
  const ended = Promise.all([service.exited, ...reading]);
  while (!log.includes(awaited)) {
    if (service.exitCode !== null) {
      await ended;
      throw new Error(log + errors);
    }
    await Bun.sleep(10);
  }
  let isStopped = false;
  ended.then(() => {
    const how = service.signalCode ?? service.exitCode;
    if (!isStopped && how !== 0 && how !== "SIGKILL") console.error(`the service ended (${how}): ${errors}`);
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    isStopped = true;
    service.kill(signal);
    await ended;
    return service.exitCode;
  };
  return { service, url: /http:[^"]+/.exec(log)?.[0] ?? "", log: () => log, stop };
}

/**
 * Starts a command and waits until it has stopped at a debug point: there it stays until goOn(), or until it is killed.
 * @throws if it ends without reaching the point, with what it wrote to stderr
 */
export async function startStoppedAt(point: DebugPoint, args: string[], environment = {}, cwd = ROOT) {
  const env = environmentOf({ ...environment, MUSTER_DEBUG_POINT: point });
  const command = Bun.spawn([process.execPath, ...args], { cwd, env, stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const goOn = () => {
    command.stdin.write("\n");
    return command.stdin.end();
  };
  const [own, rest] = command.stderr.tee();
  let text = "";
  for await (const part of own.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes(`stopped at the debug point: ${point}`))
      return { command, goOn, stderr: new Response(rest).text() };
  }
  throw new Error(`the command ended before it reached "${point}": ${text}`);
}

/** Starts a command on a terminal of its own. `screen` answers all that was written there. */
export function startOnTerminal(args: string[], environment: Record<string, string> = {}) {
  const decoder = new TextDecoder();
  let screen = "";
  const terminal = {
    cols: 100,
    data: (_: Bun.Terminal, bytes: Uint8Array) => {
      screen += decoder.decode(bytes, { stream: true });
    },
  };
  const child = Bun.spawn([process.execPath, ...args], { cwd: ROOT, env: environmentOf(environment), terminal });
  return { child, screen: () => screen, press: (keys: string) => child.terminal?.write(keys) };
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

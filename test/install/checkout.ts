/** A copy of this checkout, and README's quick start in it. */
import { mkdir } from "node:fs/promises";
import { ROOT } from "../support/commands.ts";
import { until } from "../support/observe.ts";

/** Copies what git knows of this checkout, as it stands, without node_modules. */
export async function copyCheckout(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const script = `git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -C "$0" -xf -`;
  const child = Bun.spawn(["sh", "-c", script, folder], { cwd: ROOT, stderr: "pipe" });
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
}

/** How this machine reaches the network, if that is unusual. */
export const NETWORK = Object.fromEntries(
  ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy", "npm_config_registry"].flatMap(
    (name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]),
  ),
) as Record<string, string>;

/** How commands are run at a place: what comes before them, in which folder, with which environment. */
export interface Place {
  before?: string[];
  cwd: string;
  env: Record<string, string>;
  /** Such as `npm`. */
  runner: "npm" | "bun";
}

export interface Ended {
  code: number;
  output: string;
}

export async function run({ before = [], cwd, env }: Place, command: string[]): Promise<Ended> {
  const child = Bun.spawn([...before, ...command], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const output = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: output.join("").trim() };
}

/** `npm start`, a GET, a POST, an import, Ctrl-C, and a second start. @throws if one of them is not as README says */
export async function quickStart(place: Place): Promise<void> {
  const url = await served(place);
  const hired = await fetch(`${url.address}hired_department?year=2022`);
  const departments = (await hired.json()) as { hired: number }[];
  if (departments.length === 0) throw new Error("the report of the sample is empty");
  const body = '[{"job": "Baker"}, {"job": ""}]';
  const posted = await fetch(`${url.address}jobs`, { method: "POST", headers: JSON_TYPE, body });
  const counts = (await posted.json()) as { inserted: number; rejected: number };
  if (counts.inserted !== 1 || counts.rejected !== 1) throw new Error(`POST /jobs answered ${JSON.stringify(counts)}`);
  await wellRun(place, ["run", "sample", "--", "csv", "--rows", "2000"]);
  const imported = await wellRun(place, ["run", "import", "--", "csv", "--json"]);
  const { tables } = JSON.parse(imported.split("\n").findLast((line) => line.startsWith("{")) ?? "{}");
  if (tables?.hired_employees?.received !== 2000) throw new Error(`the import answered ${imported}`);
  await url.stop();
  await (await served(place)).stop();
}

const JSON_TYPE = { "Content-Type": "application/json" };

async function wellRun(place: Place, words: string[]): Promise<string> {
  const { code, output } = await run(place, [place.runner, ...words]);
  if (code !== 0) throw new Error(`${place.runner} ${words.join(" ")} ended with ${code}: ${output}`);
  return output;
}

/** Starts the service in a group of processes of its own, so that it can be stopped as Ctrl-C stops it. */
async function served({ before = [], cwd, env, runner }: Place) {
  const command = [...before, runner, "run", "start"];
  const service = Bun.spawn(command, {
    ...{ cwd, env: { ...env, PORT: "0" }, stdin: "ignore", stdout: "pipe", stderr: "pipe", detached: true },
  });
  let log = "";
  const reading = [service.stdout, service.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) log += text;
  });
  const address = await until(() => /Muster serves (http:[^"\s]+)/.exec(log)?.[1] ?? service.exitCode !== null);
  if (typeof address !== "string") {
    await Promise.all(reading);
    throw new Error(`start ended with ${service.exitCode}: ${log.trim()}`);
  }
  return {
    address,
    async stop() {
      process.kill(-service.pid, "SIGINT");
      await Promise.all([service.exited, ...reading]);
      if (!log.includes("Muster has stopped")) throw new Error(`it did not stop in order: ${log}`);
    },
  };
}

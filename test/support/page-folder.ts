/** Where the commands of a page of the documentation are run: a fresh folder with a service of its own. */
import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import packageJson from "../../package.json";
import { folderOf } from "./files.ts";
import { ROOT } from "./pages.ts";
import { mysqld } from "./server.ts";

const PARTS =
  "src scripts drizzle client node_modules drizzle.config.ts package.json bun.lock bunfig.toml tsconfig.json";

/** A fresh folder with the project in it, in which a page's commands are run. */
export async function folderForPage() {
  const folder = await folderOf({});
  for (const part of PARTS.split(" ")) await symlink(join(ROOT, part), join(folder, part));
  // curl takes these as options: no progress, and an exit code for statuses from 400 on.
  await Bun.write(join(folder, ".curlrc"), "silent\nfail-with-body\n");
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    ...{ HOME: folder, CURL_HOME: folder, PORT: "0", npm_config_update_notifier: "false" },
    ...(mysqld === undefined ? {} : { MUSTER_MYSQLD: mysqld }),
  };
  const shell = (script: string) =>
    Bun.spawn(["sh", "-c", script], { cwd: folder, env, stdout: "pipe", stderr: "pipe" });
  let origin = "";
  let stop = async () => {};
  return {
    /** Starts the service by a page's command, and waits until it serves. */
    async serve(command: string) {
      const service = shell(`exec env ${command.replace(/npm start$/, `sh -c '${packageJson.scripts.start}'`)}`);
      let log = "";
      const reading = (async () => {
        for await (const text of service.stdout.pipeThrough(new TextDecoderStream())) log += text;
      })();
      stop = async () => {
        service.kill();
        await Promise.all([service.exited, reading]);
      };
      while (!log.includes("Muster serves")) {
        if (service.exitCode !== null) throw new Error(log + (await new Response(service.stderr).text()));
        await Bun.sleep(10);
      }
      ({ origin } = new URL(/http:[^"]+/.exec(log)?.[0] ?? ""));
    },
    async run(command: string) {
      const line = (await withIds(command, origin)).replaceAll("http://127.0.0.1:3000", origin);
      const child = shell(`exec 2>&1\n${line}`);
      const output = await new Response(child.stdout).text();
      return { code: await child.exited, output: output.replaceAll(origin || "\0", "http://127.0.0.1:3000") };
    },
    stop: () => stop(),
  };
}

/** The newest of what a command's placeholders stand for; a run that is replayed is one with open rejections. */
async function withIds(command: string, origin: string): Promise<string> {
  const first = async (path: string) =>
    ((await (await fetch(`${origin}/${path}`)).json()) as Record<string, string>[])[0] ?? {};
  if (command.includes('"RUN_ID"'))
    return command.replace("RUN_ID", (await first("rejections?state=open&limit=1")).run ?? "");
  const paths = { RUN_ID: "runs?limit=1", BACKUP_ID: "backups" };
  let line = command;
  for (const [name, path] of Object.entries(paths)) {
    if (line.includes(name)) line = line.replaceAll(name, `${(await first(path)).id}`);
  }
  return line;
}

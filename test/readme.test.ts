import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../package.json";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { tableNames } from "../src/codecs/tables.ts";
import { REASON_CODES } from "../src/db/ledger.ts";
import { importSource } from "../src/ingest/import.ts";
import { defaultSample } from "../src/ingest/sample.ts";
import { appOver } from "./support/app.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const ROOT = join(import.meta.dir, "..");
const readme = await Bun.file(join(ROOT, "README.md")).text();
const database = await freshDatabase();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})) });
afterAll(async () => {
  await database.close();
  await removeFolders();
});

test("README has every route", () => {
  const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ path }) => path);
  const spelled = new Set(
    routes.map((path) =>
      path
        .replace("/docs/:asset", "/docs")
        .replace("/:table", "/TABLE")
        .replace(":id", "ID")
        .replace(":file", "TABLE.avro"),
    ),
  );
  expect(spelled.size).toBeGreaterThan(15);
  expect([...spelled].filter((path) => !readme.includes(path))).toEqual([]);
});

test("README has every command with its options, as its own --help has", async () => {
  for (const name of ["import", "replay", "backup", "restore", "sample", "bench"] as const) {
    const [script = ""] = /scripts\/\S+\.ts/.exec(packageJson.scripts[name]) ?? [];
    expect(readme.includes(`bun run ${script} `) || readme.includes(`bun run ${name} `)).toBe(true);
    const { code, stdout } = await run([script, "--help"]);
    expect([name, code]).toEqual([name, 0]);
    for (const [option] of stdout.matchAll(/--[a-z-]+/g)) {
      if (option !== "--help") expect([name, readme.includes(option) && option]).toEqual([name, option]);
    }
  }
});

test("README has every variable of the environment, every rule and every dependency", async () => {
  const config = await Bun.file(join(ROOT, "src/config.ts")).text();
  const variables = [...config.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name ?? "");
  expect(variables.length).toBeGreaterThan(8);
  const { dependencies, devDependencies } = packageJson;
  const named = [...variables, ...REASON_CODES, ...tableNames, ...Object.keys({ ...dependencies, ...devDependencies })];
  expect(named.filter((name) => !readme.includes(name))).toEqual([]);
});

/** The commands of README's shell blocks; one goes on over lines while a quote is open. */
function commands(): string[] {
  const all: string[] = [];
  for (const [, block = ""] of readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)) {
    let command = "";
    for (const line of block.trimEnd().split("\n")) {
      command += `${line}\n`;
      if ((command.match(/'/g)?.length ?? 0) % 2 === 1) continue;
      all.push(command.trim());
      command = "";
    }
  }
  return all;
}

/** The newest of what a line's placeholders stand for; the run of a replay is one with open rejections. */
async function withIds(command: string): Promise<string> {
  const first = async (path: string) => ((await (await app.request(path)).json()) as Record<string, string>[])[0] ?? {};
  if (command.includes('"RUN_ID"'))
    return command.replace("RUN_ID", (await first("/rejections?state=open&limit=1")).run ?? "");
  const paths = { RUN_ID: "/runs?limit=1", BACKUP_ID: "/backups", REJECTION_ID: "/rejections?limit=1" };
  let line = command;
  for (const [name, path] of Object.entries(paths)) {
    if (line.includes(`/${name}`)) line = line.replace(name, (await first(path)).id ?? "");
  }
  return line;
}

test("every route has a curl line in README", () => {
  const lines = commands().filter((each) => each.includes("curl "));
  const asked = lines.map((line) => ({
    method: /-X (\w+)/.exec(line)?.[1] ?? (/ (-d|--data-binary|-T) /.test(line) ? "POST" : "GET"),
    path: /127\.0\.0\.1:3000([^ ?']*)/.exec(line)?.[1] ?? "",
  }));
  const routes = app.routes.filter(({ method, path }) => method !== "ALL" && !path.startsWith("/docs/"));
  const missing = routes.filter(({ method, path }) => {
    const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`);
    // A report is the same by GET and by POST.
    const same = (each: string) => each === method || path.startsWith("/hired_");
    return !asked.some((each) => same(each.method) && pattern.test(each.path));
  });
  expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

test("README's shell lines can be pasted into zsh, which takes ? and * for names of files and no comments", () => {
  const bare = commands().map((command) => command.replaceAll(/'[^']*'/g, ""));
  expect(bare.length).toBeGreaterThan(25);
  expect(bare.filter((command) => /[?*[\]{}#&~]/.test(command))).toEqual([]);
});

test("README's curl lines answer, in their order, on the sample", async () => {
  const source = await defaultSample(await folderOf({}));
  await importSource(database, { source, report: { say() {} } });
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
  const statuses: string[] = [];
  for (const command of commands().filter((each) => each.includes("curl "))) {
    const asked = (await withIds(command))
      .replaceAll("http://127.0.0.1:3000", server.url.origin)
      .replace("curl ", "curl -s -o /dev/null -w '%{http_code}' ");
    const status = await new Response(Bun.spawn(["sh", "-c", asked.replace(/ > \w+\.(csv|avro)$/, "")]).stdout).text();
    statuses.push(`${status} ${command.slice(0, 80)}`);
  }
  expect(statuses.length).toBeGreaterThan(14);
  const failed = statuses.filter((status) => !/^(200|201|202|207|303) /.test(status));
  // Two say what cannot be done here: as they came rows are refused again, and a run that has ended is not cancelled.
  expect(failed).toEqual([
    expect.stringMatching(/^422 .*\/rejections\/replay/),
    expect.stringMatching(/^409 curl -X DELETE/),
  ]);
  await server.stop(true);
});

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../package.json";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { tableNames } from "../src/codecs/tables.ts";
import { REASON_CODES } from "../src/db/ledger.ts";
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

test("README's curl lines answer, in their order", async () => {
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
  const statuses: string[] = [];
  for (const command of commands().filter((each) => each.includes("curl "))) {
    const asked = command
      .replaceAll("http://127.0.0.1:3000", server.url.origin)
      .replace("curl ", "curl -s -o /dev/null -w '%{http_code}' ");
    const status = await new Response(Bun.spawn(["sh", "-c", asked.replace(/ > open.csv$/, "")]).stdout).text();
    statuses.push(`${status} ${command.slice(0, 80)}`);
  }
  expect(statuses.length).toBeGreaterThan(14);
  // The rejections that README replays and discards are the sample's, which is not loaded here.
  const failed = statuses.filter((status) => !/^(200|201|202|207) /.test(status));
  expect(failed.filter((status) => !/^4(?:00|04|09|22) .*\/rejections\/(replay|discard) /.test(status))).toEqual([]);
  await server.stop(true);
});

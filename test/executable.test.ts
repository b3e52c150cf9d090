/** The one executable, in a folder without the repository, and without any program on the PATH. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { version } from "../package.json";
import { parseUrl } from "../src/db/url.ts";
import { ROOT, run } from "./support/commands.ts";
import { dropDatabase, freshDatabase, freshUrl } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { JOBS_PARQUET } from "./support/parquet.ts";
import { startS3 } from "./support/s3.ts";
import { workbook } from "./support/workbook.ts";

const database = await freshDatabase();
const built = await folderOf({});
const folder = await folderOf({
  "csv/departments.csv": "1,Legal\n2,Sales\n",
  "csv/jobs.csv": "1,Clerk\n2,\n",
  // Bun would run this before every program that it starts in the folder.
  "bunfig.toml": 'preload = ["./missing.ts"]\n',
});
const environment = { DATABASE_URL: database.url, PATH: folder, HOME: folder, BACKUP_STORE: join(folder, "backups") };

const ROW = '<row r="2"><c r="A2"><v>3</v></c><c r="B2" t="inlineStr"><is><t>Cook</t></is></c></row>';

beforeAll(async () => {
  const { code, stderr } = await run([join(ROOT, "scripts/build.ts"), join(built, "muster")]);
  expect([code, stderr]).toEqual([0, ""]);
}, 60_000);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const start = (args: string[], more: Record<string, string> = {}) =>
  Bun.spawn([join(built, "muster"), ...args], {
    cwd: folder,
    env: { ...environment, ...more },
    stdout: "pipe",
    stderr: "pipe",
  });

async function muster(args: string[], more: Record<string, string> = {}) {
  const command = start(args, more);
  const [stdout, stderr] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
  ]);
  return { code: await command.exited, stdout, stderr };
}

/** Runs a command with --json that must succeed. */
async function facts(...args: string[]) {
  const { code, stdout, stderr } = await muster([...args, "--json"]);
  expect([args, code, code === 0 ? "" : stderr]).toEqual([args, 0, ""]);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

test("--version says the version and the commit", async () => {
  const { code, stdout } = await muster(["--version"]);
  expect(code).toBe(0);
  expect(stdout).toStartWith(`muster ${version} (`);
});

test("--help lists the commands, and each has its own help without npm and Bun in it", async () => {
  const { code, stdout } = await muster(["--help"]);
  const names = [...stdout.matchAll(/^ {2}(\w+) +[A-Z]/gm)].map(([, name = ""]) => name);
  expect([code, names]).toEqual([
    0,
    ["serve", "import", "inspect", "replay", "backup", "restore", "migrate", "sample"],
  ]);
  expect((await muster([])).stdout).toBe(stdout);
  for (const name of names) {
    const help = await muster([name, "--help"]);
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining(`Usage: muster ${name}`)]);
    expect(help.stdout).not.toMatch(/npm|\bbun\b|scripts\//);
  }
});

test.each([
  [["frobnicate"], /^there is no command "frobnicate": they are serve, import, .*; see muster --help\n$/],
  [["adopt", "--dry-run"], /^adopt works on Muster's source: run "npm run adopt" in a checkout of Muster\n$/],
  [["generate"], /^generate works on Muster's source: .*\n$/],
  [["import", "--nope"], /^there is no option --nope: .*\n$/],
  [["migrate", "jobs"], /^migrate takes options only, not jobs; see --help\n$/],
])("%p is refused with code 2 and one line", async (args, line) => {
  const { code, stdout, stderr } = await muster(args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(line);
});

test.each([[["frobnicate"]], [["adopt"]], [["import", "--nope"]]])(
  "with --json, what is refused before a command begins is an object too: %p",
  async (args) => {
    const { code, stdout, stderr } = await muster([...args, "--json"]);
    expect([code, JSON.parse(stdout)]).toEqual([2, { status: "refused", error: stderr.trimEnd() }]);
  },
);

test("migrate creates a database that does not exist, and says so again if nothing is pending", async () => {
  const DATABASE_URL = freshUrl();
  const { database: name } = parseUrl(DATABASE_URL);
  try {
    for (const _ of ["first", "again"]) {
      const { code, stdout, stderr } = await muster(["migrate"], { DATABASE_URL });
      expect([code, stdout, stderr]).toEqual([0, "the database is up to date\n", ""]);
    }
    const [tables] = await database.pool.query(`SHOW TABLES FROM ${name} LIKE 'muster\\_%'`);
    expect((tables as unknown[]).length).toBeGreaterThan(3);
  } finally {
    await dropDatabase(DATABASE_URL);
  }
});

test("rows are imported, inspected, backed up, verified, restored and replayed", async () => {
  const inspected = await facts("inspect", "csv");
  expect(inspected.sources[0].files.length).toBe(2);
  const imported = await facts("import", "csv", "--rejects", "rejects.csv");
  expect(imported.tables.jobs).toMatchObject({ received: 2, inserted: 1, rejected: 1 });
  const { backup } = await facts("backup");
  expect((await facts("backup", "--verify")).backup).toBe(backup);
  expect((await facts("backup", "--list")).backups).toHaveLength(1);
  await database.pool.query("UPDATE jobs SET job = 'Baker'");
  await facts("restore", "jobs");
  const [jobs] = await database.pool.query("SELECT job FROM jobs");
  expect(jobs).toEqual([{ job: "Clerk" }] as never);
  expect((await facts("replay", "rejects.csv")).tables.jobs.rejected).toBe(1);
  expect((await muster(["replay", "--rejects", "again.csv"])).stdout).toContain("then run: muster replay again.csv");
});

test("a backup goes to a bucket and comes back from it", async () => {
  const s3 = await startS3();
  try {
    const bucket = {
      ...{ BACKUP_STORE: "s3://muster-test/backups", AWS_ENDPOINT_URL_S3: s3.endpoint, AWS_REGION: "eu-central-1" },
      ...{ AWS_ACCESS_KEY_ID: "muster", AWS_SECRET_ACCESS_KEY: "muster" },
    };
    for (const args of [["backup"], ["backup", "--verify"], ["restore", "jobs"]]) {
      const { code, stderr } = await muster(args, bucket);
      expect([args, code, code === 0 ? "" : stderr]).toEqual([args, 0, ""]);
    }
    expect(s3.seen.length).toBeGreaterThan(5);
  } finally {
    await s3.stop();
  }
});

test("a Parquet file and a workbook are read: what reads them is loaded when it is needed", async () => {
  await Bun.write(join(folder, "csv/jobs.parquet"), JOBS_PARQUET);
  await Bun.write(join(folder, "csv/jobs.xlsx"), workbook({ rows: ROW }));
  for (const file of ["csv/jobs.parquet", "csv/jobs.xlsx"]) {
    const { files } = (await facts("inspect", file)).sources[0];
    expect([file, files[0].error]).toEqual([file, undefined]);
  }
});

test("it serves the page, the API document and their files, and SIGTERM stops it", async () => {
  const service = start(["serve"], { PORT: "0" });
  let log = "";
  const reading = (async () => {
    for await (const text of service.stdout.pipeThrough(new TextDecoderStream())) log += text;
  })();
  await until(() => log.includes("Muster serves"));
  const url = /http:[^"]+/.exec(log)?.[0] ?? "";
  const page = await (await fetch(url)).text();
  expect(page).toContain("<html");
  const docs = await (await fetch(`${url}docs`)).text();
  const files = [...`${page}${docs}`.matchAll(/(?:src|href)="((?:page\/assets|docs)\/[^"]+)"/g)].map(
    ([, at = ""]) => at,
  );
  expect(files.length).toBeGreaterThan(6);
  for (const file of files) {
    const answer = await fetch(url + file);
    expect([file, answer.status, (await answer.bytes()).length > 20]).toEqual([file, 200, true]);
  }
  const document = (await (await fetch(`${url}openapi.json`)).json()) as { openapi: string; paths: object };
  expect([document.openapi, Object.keys(document.paths)]).toEqual(["3.1.0", expect.arrayContaining(["/jobs"])]);
  service.kill("SIGTERM");
  expect(await service.exited).toBe(0);
  await reading;
});

test("what the environment leaves out is read from .env.local, and then from .env", async () => {
  const cwd = await folderOf({
    ".env": `DATABASE_URL=${database.url}\nBACKUP_STORE=./hidden`,
    ".env.local": "BACKUP_STORE=./a\\$HOME",
  });
  const storeWith = (env: Record<string, string>) => {
    const { stdout, stderr } = Bun.spawnSync([join(built, "muster"), "backup", "--list", "--json"], { cwd, env });
    expect(`${stderr}`).toBe("");
    return JSON.parse(`${stdout}`).store;
  };
  expect(storeWith({ HOME: folder })).toBe("./a$HOME");
  expect(storeWith({ BACKUP_STORE: "./given" })).toBe("./given");
});

test("a message names a command as it is called here", async () => {
  const { stderr } = await muster(["restore", "jobs", "--backup", "none"]);
  expect(stderr).toBe("there is no backup none: GET /backups and muster backup --list name those in the store\n");
});

test("nothing but what was asked for is left in the folder", () => {
  expect(readdirSync(folder).sort()).toEqual(["again.csv", "backups", "bunfig.toml", "csv", "rejects.csv"]);
});

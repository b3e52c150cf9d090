/** Standard input and other pipes, read by the real command. */

import { afterAll, beforeEach, expect, test } from "bun:test";
import { openSync } from "node:fs";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2";
import { openSource } from "../src/read/sources/source.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { ROOT, startOnTerminal } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { dictionary } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const IMPORT = [process.execPath, "scripts/import.ts"];
const environment = { PATH: process.env.PATH ?? "", DATABASE_URL: database.url };

/** Runs a line of bash, in which `import` is the command. */
async function shell(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = `import() { ${IMPORT.join(" ")} "$@"; }; ${line}`;
  const spawned = Bun.spawn(["bash", "-c", script], { cwd: ROOT, env: environment, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(spawned.stdout).text(),
    new Response(spawned.stderr).text(),
  ]);
  return { code: await spawned.exited, stdout, stderr };
}

async function jobs(): Promise<string[]> {
  const [rows] = await database.pool.query<RowDataPacket[]>("SELECT id, job FROM jobs ORDER BY id");
  return rows.map(({ id, job }) => `${id},${job}`);
}

const JOBS = "printf 'id,job\\n1,Clerk\\n2,\\n'";

test.each([
  ["standard input", `${JOBS} | import - --table jobs`, "stdin"],
  ["/dev/stdin", `${JOBS} | import /dev/stdin --table jobs`, "stdin"],
  ["/dev/fd/0", `${JOBS} | import /dev/fd/0 --table jobs`, "stdin"],
  ["a file by standard input", `f=$(mktemp); ${JOBS} > $f; import - --table jobs < $f; rm $f`, "stdin"],
  ["a process", `import <(${JOBS}) --table jobs`, "/dev/fd/\\d+"],
  ["a named pipe", `d=$(mktemp -d); mkfifo $d/p; ${JOBS} > $d/p & import $d/p --table jobs`, "/.*/p"],
  [
    "a named pipe with a table's name",
    `d=$(mktemp -d); mkfifo $d/jobs.csv; ${JOBS} > $d/jobs.csv & import $d/jobs.csv`,
    "/.*/jobs.csv",
  ],
])("%s is read, and known by its content", async (_, line, name) => {
  const { code, stderr } = await shell(line);
  expect([code, await jobs()]).toEqual([0, ["1,Clerk"]]);
  expect(stderr).toContain(`reading ${name === "stdin" ? "standard input" : ""}`);
  expect(stderr).toMatch(new RegExp(`^${name}:3 rejected: missing`, "m"));
  const [{ source } = { source: null }] = await listRuns(database.db, { limit: 1 });
  expect(source).toMatch(new RegExp(`^${name}:sha256:[0-9a-f]{64}$`));
});

test("other input does not supersede the rejections of the input before, and the same does", async () => {
  const open = async () => (await listRejections(database.db, { limit: 9, state: "open" }))?.map(({ raw }) => raw);
  for (const input of ["1,", "2,", "1,"]) await shell(`echo ${input} | import - --table jobs`);
  expect((await open())?.sort()).toEqual(["1,", "2,"]);
});

test("standard input is one of several sources", async () => {
  const folder = await folderOf({ "departments.csv": "1,Sales\n", "jobs-9.csv": "9,Judge\n" });
  const { code, stdout } = await shell(`echo 1,Clerk | import - ${folder}/jobs-9.csv - --table jobs --json`);
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { files: { read: 2 }, tables: { jobs: { inserted: 2 } } }]);
});

test("packed input is unpacked by its first bytes, and a line says so", async () => {
  const row = `{"id":3,"job":"Judge"}`;
  const { code, stderr } = await shell(`${JOBS} | gzip | import - --table jobs`);
  expect([code, stderr]).toEqual([0, expect.stringContaining("is unpacked like a file that ends in .gz\n")]);
  const packed = await shell(`echo '${row}' | gzip | import /dev/stdin --table jobs --format ndjson`);
  expect([packed.code, await jobs()]).toEqual([0, ["1,Clerk", "3,Judge"]]);
});

test("--format says how it is read", async () => {
  const row = `{"id":1,"job":"Clerk"}`;
  expect(await shell(`echo '${row}' | import - --table jobs --format ndjson`)).toMatchObject({ code: 0 });
  expect(await jobs()).toEqual(["1,Clerk"]);
});

test.each([
  [
    "without a table",
    `${JOBS} | import -`,
    "standard input has no name that says its table: give --table (departments",
  ],
  ["without a table, by another name", `import <(${JOBS})`, "has no name that says its table"],
  ["that is empty", "true | import - --table jobs", "standard input is empty: see whether the program that writes it"],
  ["that is /dev/null", "import - --table jobs < /dev/null", "standard input is empty"],
  ["that is a directory", "import - --table jobs < /tmp", "standard input"],
  ["that is packed by bzip2", `${JOBS} | bzip2 | import - --table jobs`, "stdin: it is packed with bzip2"],
  ["that is JSON", `echo '[{"id":1,"job":"Clerk"}]' | import - --table jobs`, "stdin: "],
  ["with --new-only", `${JOBS} | import - --table jobs --new-only`, "no name that lasts"],
  ["that was closed", "import - --table jobs <&-", ""],
])("input %s is refused", async (_, line, why) => {
  const { code, stderr } = await shell(line);
  expect(stderr).toContain(why);
  expect(code).toBeGreaterThan(0);
  expect(stderr.trim().split("\n").at(-1)).not.toContain("    at ");
  expect(await jobs()).toEqual([]);
});

test.each([
  ["standard input", "sleep 60 | import - --table jobs"],
  ["a named pipe that nobody writes to", "d=$(mktemp -d); mkfifo $d/p; import $d/p --table jobs"],
])("Ctrl-C ends the wait for %s at once", async (_, line) => {
  const script = `import() { exec ${IMPORT.join(" ")} "$@"; }; ${line}`;
  const spawned = Bun.spawn(["setsid", "bash", "-c", script], {
    cwd: ROOT,
    env: environment,
    stdout: "pipe",
    stderr: "pipe",
  });
  let text = "";
  for await (const part of spawned.stderr.pipeThrough(new TextDecoderStream())) {
    text += part;
    // The whole process group gets the signal, as from a terminal.
    if (text.endsWith("\n") && /^reading /m.test(text) && !text.includes("stopping"))
      process.kill(-spawned.pid, "SIGINT");
    if (text.includes("interrupted")) break;
  }
  expect(text).toContain("interrupted: run the same command again");
  await spawned.exited;
  expect(await jobs()).toEqual([]);
});

test("on a terminal a line says how to end the input", async () => {
  const { child, screen, press } = startOnTerminal(["scripts/import.ts", "-", "--table", "jobs"], environment);
  await until(() => screen().includes("reading standard input: end it with Ctrl-D"));
  press("1,Clerk\n");
  press("\x04");
  expect(await child.exited).toBe(0);
  expect(await jobs()).toEqual(["1,Clerk"]);
});

test("input of many bytes is read twice if it must be, and is gone afterwards", async () => {
  const { code, stdout } = await shell(`seq -f '%.0f,Clerk' 300000 | import - --table jobs --json`);
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { tables: { jobs: { inserted: 300_000 } } }]);
  const folder = await folderOf({ "jobs.csv": "1,Clerk\n2,Judge\n" });
  const descriptor = openSync(join(folder, "jobs.csv"), "r");
  const { files } = await openSource({ dictionary, locations: [`/dev/fd/${descriptor}`], only: "jobs" });
  for (const file of [files[0], files[0]]) expect((await Array.fromAsync(file?.rows() ?? [])).flat()).toHaveLength(2);
});

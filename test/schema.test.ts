/** A schema with something that Muster does not support: every command refuses it by name, before anything is written. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { connectOnce } from "../src/db/database.ts";
import { run } from "./support/commands.ts";
import { freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { copyOfProject, type ProjectCopy } from "./support/project.ts";

const url = freshUrl();
let project: ProjectCopy;
beforeAll(async () => {
  project = await copyOfProject({ "data/jobs.csv": "1,Clerk\n" });
});
afterAll(removeFolders);

const inProject = (...args: string[]) => run(args, { DATABASE_URL: url, PORT: "0" }, project.folder);

/** All that a command could write: the migrations, the client, and a database. */
async function written(): Promise<unknown> {
  const files = ["drizzle", "drizzle/meta", "."].map((folder) => readdirSync(join(project.folder, folder)));
  const connection = await connectOnce(url);
  const [databases] = await connection.query("SHOW DATABASES LIKE ?", [/\/(test_\w+)\?/.exec(url)?.[1]]);
  await connection.end();
  return [files, await Bun.file(join(project.folder, "client/index.d.ts")).text(), databases];
}

/** A table with an id and these columns. */
const table = (columns: string, name = "notes", id = 'int("id").autoincrement()') =>
  `export const ${name} = mysqlTable("${name}", { id: ${id}.primaryKey(), ${columns} });`;

const REFUSED = {
  "an enum": ["mysqlEnum", table('kind: mysqlEnum("kind", ["a"])'), "notes.kind has the type enum('a'), which Muster"],
  "a json column": ["json", table('body: json("body")'), "notes.body has the type json, which Muster does not move"],
  "a bigint key": [
    "bigint",
    table("", "notes", 'bigint("id", { mode: "number" })'),
    "notes.id is bigint, a primary key",
  ],
  "a varchar key": ["", table("", "notes", 'varchar("id", { length: 9 })'), "notes.id is varchar(9), a primary key"],
  "a unique column": ["", table('code: varchar("code", { length: 9 }).unique()'), "notes.code is unique"],
  "a reference to its own table": [
    "type AnyMySqlColumn",
    table('outer: int("outer").references((): AnyMySqlColumn => notes.id)'),
    "notes.outer refers to its own table",
  ],
  "a reference with a cascade": [
    "",
    table('job_id: int("job_id").references(() => jobs.id, { onDelete: "cascade" })'),
    "notes.job_id has a foreign key with cascade",
  ],
  "another name in SQL": ["", table('hireDate: datetime("hire_date")'), "notes.hireDate is called hire_date"],
  "a table called runs": ["", table("", "runs"), "the table runs has the name of Muster's own path /runs"],
  "a table called muster_notes": ["", table("", "muster_notes"), "the table muster_notes begins with muster_"],
  "timestamp().defaultNow()": ["timestamp", table('at: timestamp("at").defaultNow()'), "notes.at is computed"],
};

test.each(Object.entries(REFUSED))("%s is refused by the service, and nothing is written", async (_, refused) => {
  const [imports = "", text = "", line] = refused;
  await project.extendSchema(imports, text);
  const before = await written();
  const { code, stderr } = await inProject("src/main.ts");
  expect([code, stderr]).toEqual([2, expect.stringContaining(`src/db/schema.ts cannot be used: ${line}`)]);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(await written()).toEqual(before);
});

test("bun run generate refuses a schema with the same line, and writes nothing", async () => {
  const [imports = "", text = "", line] = REFUSED["a json column"];
  await project.extendSchema(imports, text);
  const before = await written();
  const { code, stderr } = await inProject("run", "generate");
  const said = stderr.split("\n").filter((each) => each.trim() !== "" && !/^\$ |^error: script /.test(each));
  expect([code, said]).toEqual([2, [expect.stringContaining(`src/db/schema.ts cannot be used: ${line}`)]]);
  expect(await written()).toEqual(before);
});

test("every command refuses it with the same line, and --json ends with an object", async () => {
  await project.extendSchema("json", table('body: json("body")'));
  const before = await written();
  const error = expect.stringContaining("notes.body has the type json");
  for (const args of [["import.ts", "data"], ["replay.ts"], ["backup.ts"], ["restore.ts", "jobs"]]) {
    const { code, stdout, stderr } = await inProject(`scripts/${args[0]}`, ...args.slice(1), "--json");
    expect([args, code, JSON.parse(stdout)]).toEqual([args, 2, { status: "refused", error }]);
    expect(stderr.trimEnd()).toEqual(error);
  }
  for (const args of [
    ["scripts/generate.ts", "--check"],
    ["scripts/sample.ts", "sample"],
    ["--bun", "x", "drizzle-kit", "migrate"],
  ]) {
    const { code, stderr } = await inProject(...args);
    expect([args, code, stderr.trimEnd()]).toEqual([args, 2, error]);
  }
  expect(await written()).toEqual(before);
});

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
  "a rounded column": [
    "double",
    table('share: double("share", { precision: 8, scale: 2 })'),
    "notes.share has the type double(8,2), which Muster does not move",
  ],
  "a table without a key": [
    "",
    'export const notes = mysqlTable("notes", { id: int("id") });',
    "the table notes has no primary key",
  ],
  "a key of fractions": ["double", table("", "notes", 'double("id")'), "notes.id is double, which a primary key"],
  "a reference to what is no key": [
    "",
    table('job: varchar("job", { length: 255 }).references(() => jobs.job)'),
    "notes.job refers to columns of jobs that are neither its key nor unique",
  ],
  "another name in SQL": ["", table('hireDate: datetime("hire_date")'), "notes.hireDate is called hire_date"],
  "a table called runs": ["", table("", "runs"), "the table runs has the name of Muster's own path /runs"],
  "a table called Page": ["", table("", "Page"), "the table Page has the name of Muster's own path /Page"],
  "a table called muster_notes": ["", table("", "muster_notes"), "the table muster_notes begins with muster_"],
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
  const [imports = "", text = "", line] = REFUSED["a rounded column"];
  await project.extendSchema(imports, text);
  const before = await written();
  const { code, stderr } = await inProject("run", "generate");
  const said = stderr.split("\n").filter((each) => each.trim() !== "" && !/^\$ |^error: script /.test(each));
  expect([code, said]).toEqual([2, [expect.stringContaining(`src/db/schema.ts cannot be used: ${line}`)]]);
  expect(await written()).toEqual(before);
});

test("every command refuses it with the same line, and --json ends with an object", async () => {
  await project.extendSchema(REFUSED["a rounded column"][0] ?? "", REFUSED["a rounded column"][1] ?? "");
  const before = await written();
  const error = expect.stringContaining("notes.share has the type double(8,2)");
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

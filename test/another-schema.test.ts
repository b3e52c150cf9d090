/** Muster over a schema that has none of the sample's tables, as after a database was adopted. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { run, serve } from "./support/commands.ts";
import { dropDatabase, freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { copyOfProject, type ProjectCopy } from "./support/project.ts";
import { mysqld } from "./support/server.ts";

const SCHEMA = `
import { date, int, mysqlTable, primaryKey, varchar } from "drizzle-orm/mysql-core";

export const authors = mysqlTable("authors", {
  id: int("id").autoincrement().primaryKey(),
  name: varchar("name", { length: 80 }).notNull(),
});

export const books = mysqlTable("books", {
  id: int("id").autoincrement().primaryKey(),
  title: varchar("title", { length: 200 }).notNull(),
  author_id: int("author_id").notNull().references(() => authors.id),
});

export const loans = mysqlTable(
  "loans",
  {
    book_id: int("book_id").notNull().references(() => books.id),
    day: date("day", { mode: "string" }).notNull(),
    reader: varchar("reader", { length: 80 }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.book_id, table.day] })],
);
`;
const FILES = {
  "csv/authors.csv": "1,Lispector\n2,Borges\n",
  "csv/books.csv": "1,Near to the Wild Heart,1\n2,Ficciones,9\n",
  "csv/loans.csv": "1,2021-05-01,Ana\n1,2021-05-01,Bo\n2,2021-05-01,Cy\n",
};

const url = freshUrl();
let project: ProjectCopy;
beforeAll(async () => {
  project = await copyOfProject(FILES, SCHEMA);
  expect(await generated()).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await dropDatabase(url);
  await removeFolders();
});

const environment = () => ({ DATABASE_URL: url, BACKUP_STORE: join(project.folder, "backups") });
const generated = () => run(["--bun", "x", "drizzle-kit", "generate"], {}, project.folder);
const command = (name: string, ...args: string[]) =>
  run([`scripts/${name}.ts`, ...args], environment(), project.folder);
const started = (settings: Record<string, string>) => serve(settings, project.folder, undefined, project.folder);

describe("with other tables than the sample's", () => {
  test("the project's types and its typed client fit", async () => {
    const checked = await run(["--bun", "x", "tsc", "-p", "tsconfig.client.json", "--noEmit"], {}, project.folder);
    expect(checked).toMatchObject({ code: 0, stdout: "" });
  });

  test("files are imported, backed up and restored", async () => {
    const imported = JSON.parse((await command("import", "csv", "--json")).stdout);
    expect(imported.tables).toMatchObject({ authors: { inserted: 2 }, books: { inserted: 1, rejected: 1 } });
    expect(imported.tables.loans).toMatchObject({ inserted: 1, rejected: 2 });
    expect(await command("backup")).toMatchObject({ code: 0 });
    expect(await command("backup", "--verify")).toMatchObject({ code: 0 });
    const restored = JSON.parse((await command("restore", "loans", "books", "authors", "--json")).stdout);
    expect(restored).toMatchObject({
      status: "succeeded",
      tables: { books: { unchanged: 1 }, loans: { unchanged: 1 } },
    });
  });

  test("the service serves them, its page and its document, and answers 404 for the reports", async () => {
    const { url: address, stop } = await started(environment());
    const page = await (await fetch(address, { headers: { Accept: "text/html" } })).text();
    expect(page).toContain('<a href="page/tables/books">books</a>');
    expect(page).not.toMatch(/Hires in|hired_/);
    expect((await fetch(`${address}docs`)).status).toBe(200);
    const { paths } = (await (await fetch(`${address}openapi.json`)).json()) as { paths: object };
    expect(Object.keys(paths)).toContain("/books/{id}");
    expect(Object.keys(paths).filter((path) => /hired|jobs|departments/.test(path))).toEqual([]);
    for (const path of ["hired_2021_quarter", "hired_department?year=2022"])
      for (const method of ["GET", "POST"]) {
        const answer = await fetch(address + path, { method });
        expect([answer.status, await answer.json()]).toEqual([
          404,
          expect.objectContaining({
            detail: expect.stringContaining("there are no reports: src/db/schema.ts has no tables"),
          }),
        ]);
      }
    const headers = { "Content-Type": "application/json" };
    const posted = await fetch(`${address}books`, {
      method: "POST",
      headers,
      body: '{"title":"El Aleph","author_id":2}',
    });
    expect(posted.status).toBe(201);
    expect(await (await fetch(`${address}books?title=El Aleph`)).json()).toMatchObject([{ author_id: 2 }]);
    expect(await (await fetch(`${address}loans/1,2021-05-01`)).json()).toMatchObject({ reader: "Ana" });
    const made = await fetch(`${address}backup`, { method: "POST", headers, body: '{"table":["books","loans"]}' });
    expect(made.status).toBe(201);
    const again = await fetch(`${address}restore`, { method: "POST", headers, body: '{"table":["loans"]}' });
    expect(await again.json()).toMatchObject({ tables: { loans: { unchanged: 1 } } });
    expect((await fetch(`${address}jobs`)).status).toBe(404);
    expect(await stop()).toBe(0);
  });

  test("the first start loads no sample, and says so", async () => {
    const { url: address, log, stop } = await started(mysqld === undefined ? {} : { MUSTER_MYSQLD: mysqld });
    expect(log()).toContain(
      "no sample is loaded: src/db/schema.ts has no tables departments, jobs and hired_employees",
    );
    expect(await (await fetch(`${address}authors`)).json()).toEqual([]);
    expect(await (await fetch(address, { headers: { Accept: "text/html" } })).text()).toContain("No data yet");
    expect(await stop()).toBe(0);
  });

  test.each(["sample", "bench/bench"])(
    "%s refuses with one line, and help names the tables that there are",
    async (name) => {
      const { code, stderr } = await command(name, ...(name === "sample" ? ["csv"] : []));
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/^a \w+ is not possible: src\/db\/schema.ts has no tables .*\n$/),
      ]);
      expect((await command("import", "--help")).stdout).toMatch(/^((?!jobs|departments).)*$/s);
    },
  );
});

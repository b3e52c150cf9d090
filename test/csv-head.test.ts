/** Lines above and between the rows of a CSV document: a header is used, anything else refuses the document. */
import { expect, test } from "bun:test";
import { datetime, int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import type { Table } from "../src/codecs/tables.ts";
import { csvRows } from "../src/read/csv/csv-rows.ts";
import { tableOf } from "./support/dictionary.ts";
import { only } from "./support/things.ts";

const employees = tableOf("hired_employees");
const jobs = tableOf("jobs");
const UMA = [1, "Uma", "2021-03-01 08:00:00.000", 1, 2];
/** A row in another column order: read by position, department and job would change places. */
const TURNED = "1,Uma,2021-03-01T08:00:00Z,2,1\n";
const TURNED_HEADER = "id,name,datetime,job_id,department_id";

async function read(table: Table, text: string) {
  const notes: string[] = [];
  const rows = [];
  async function* chunks() {
    yield Buffer.from(text);
  }
  for await (const block of csvRows(table, chunks(), "a.csv", { say: (line) => void notes.push(line) }))
    rows.push(...block);
  return { rows, values: rows.map(({ values }) => values), notes };
}

async function refusal(table: Table, text: string): Promise<string> {
  const { code, message } = await read(table, text).catch((error) => error);
  expect(code).toBe("refused");
  expect(message).toStartWith("a.csv: ");
  return message;
}

test.each([
  `${TURNED_HEADER}\n`,
  "ID,Name,DATETIME,Job_Id,department_id\r\n",
  '"id "," name","datetime\t","job_id","department_id"\n',
  "\uFEFF\uFEFFid,name,\u200Bdatetime,job_id\u00A0,department_id\n",
  `\n\n${TURNED_HEADER}\n`,
])("the header %j gives the order of the cells", async (header) => {
  expect((await read(employees, header + TURNED)).values).toEqual([UMA]);
});

test.each([
  ["id,name,datetime,job_id,department_id,", "cell 6 has no name"],
  ["id,,datetime,job_id,department_id", "cell 2 has no name, name is missing"],
  ["id,name,datetime,job_id,department_id,updated_at", '"updated_at" is not a column'],
  ["id,name,datetime,job_id", "department_id is missing"],
  ["id,id,datetime,job_id,department_id", "id stands 2 times, name is missing"],
  ["name,datetime,job_id,department_id", "id is missing"],
  ["employee_id,full name,hire date,dept,job_id", '"employee_id" is not a column, "full name" is not a column'],
  ["id,name,datetime\r,job_id,department_id", "a carriage return"],
  ['id,name,"datetime" (UTC),job_id,department_id', "text after a closing quote"],
])("the header %j refuses the file, and the message says what is wrong with it", async (header, why) => {
  const message = await refusal(employees, `${header}\n${TURNED}`);
  expect(message).toContain("the header on line 1");
  expect(message).toContain(why);
});

test("a header may leave out columns that are nullable or have a default, and their rows get null or the default", async () => {
  const notes = only({
    notes: mysqlTable("notes", {
      stars: int("stars").notNull().default(3),
      id: int("id").autoincrement().primaryKey(),
      text: varchar("text", { length: 9 }),
      at: datetime("at", { mode: "string" }).notNull(),
    }),
  });
  const { rows } = await read(notes, "at,id\n2021-01-01T00:00Z,7\n,8\n2021-01-01T00:00Z,9,x\n");
  expect(rows.map(({ values, columns }) => [values, columns])).toEqual([
    [
      [3, 7, null, "2021-01-01 00:00:00"],
      ["at", "id"],
    ],
    [
      [3, 8, null, undefined],
      ["at", "id"],
    ],
    [Array(4).fill(undefined), ["at", "id"]],
  ]);
  expect(rows.map(({ reasons }) => reasons.map(({ detail }) => detail))).toEqual([
    [],
    ["at is required and is missing"],
    ["the header has 2 fields, and this row has 3"],
  ]);
});

test("a header may use a column's former name, if the schema has it as an alias", async () => {
  const posts = only({
    posts: mysqlTable("posts", { id: int("id").autoincrement().primaryKey(), title: varchar("title", { length: 9 }) }),
    aliases: { "posts.title": ["job"] },
  });
  expect((await read(posts, "Job,id\nBaker,7\n")).values).toEqual([[7, "Baker"]]);
});

test.each([
  ["Hires of 2021,,,,\n", 'id must be a whole number, not "Hires of 2021"'],
  ["2021\n", "it has 1 cell, and hired_employees has 5 columns"],
  ["# exported by hand\n", "it has 1 cell"],
  ["Hires\nof,2021\n\n", "it has 1 cell"],
  ["Empleado,Nombre,Fecha,Cargo,Departamento\n", 'id must be a whole number, not "Empleado"'],
  [",Hires,,,\nEmpleado,Nombre,Fecha,Cargo,Departamento\n", 'not "Empleado"'],
  ['Hires "2021"\n', "it has 1 cell"],
  ["2021,Hires,,,\nEmpleado,Nombre,Fecha,Cargo,Departamento\n", 'not "Empleado"'],
  [`${"-----\n".repeat(50)}Empleado,Nombre,Fecha,Cargo,Departamento\n`, "it has 1 cell"],
  ["x,Ana,soon,,\n", 'id must be a whole number, not "x"'],
  ["1,Ana,n/a,,\n", "datetime must be an instant"],
])("%j above the first row refuses the file and is named with its line", async (above, why) => {
  const message = await refusal(employees, above + TURNED);
  expect(message).toMatch(/^a\.csv: line [12] is neither a header nor a row/);
  expect(message).toContain(why);
});

test.each(["Hires of 2021,,,,\n", "2021\n", ",,,,\n", ",Hires,,,\n", "# exported by hand\n\n", "one\ntwo\n"])(
  "%j above the header refuses the file and is named with its line",
  async (above) => {
    const message = await refusal(employees, `${above}${TURNED_HEADER}\n${TURNED}`);
    expect(message).toMatch(/^a\.csv: line \d is a header, and line 1 stands above it: /);
  },
);

test.each(["sep=,", "sep=;", '"sep=\t"', "SEP=,\r"])(
  "Excel's separator line %j is refused, and named as one",
  async (line) => {
    const message = await refusal(employees, `${line}\n${TURNED_HEADER}\n${TURNED}`);
    expect(message).toContain("line 1 is no row but names a separator");
  },
);

test.each([
  ["id;job\n1;Baker\n", '";"'],
  ["1;Baker, night shift\n2;Judge\n", '";"'],
  ['1;"Baker; senior"\n', '";"'],
  ["List of jobs\nid;job\n1;Baker\n", '";"'],
  ["id\tjob\n1\tBaker\n", "tabs"],
  ["1|Baker\n2|Judge\n", '"|"'],
])("%j is refused, because its cells are not separated by commas", async (text, kind) => {
  const message = await refusal(jobs, text);
  expect(message).toContain(`cells are separated by ${kind} (line `);
});

test("a row with a semicolon in its text is read as a row", async () => {
  expect((await read(jobs, "5,2;3\n6,4;5\n")).values).toEqual([
    [5, "2;3"],
    [6, "4;5"],
  ]);
});

test("a first row that may also be a header refuses the file; a later one is a row", async () => {
  expect(await refusal(jobs, "1,Job\n2,Judge\n")).toContain("line 1 could be a header or a row");
  expect((await read(jobs, "2,Judge\n1,Job\n")).values).toEqual([
    [2, "Judge"],
    [1, "Job"],
  ]);
});

test("a first row that breaks a rule is only rejected, if it has the shape of a row", async () => {
  for (const row of ["0,Ana,2021-02-30T00:00Z,1,2", "-5,,,,", ",Ana,2021-01-01T00:00Z,1,2", "1,Ana,12/31/2021,1,8.0"]) {
    const { rows } = await read(employees, `${row}\n2,Bea,2021-01-01T00:00Z,1,2\n`);
    expect([row, rows.map(({ reasons }) => reasons.length > 0)]).toEqual([row, [true, false]]);
  }
  // If all rows are wrong, the first may be a row like the others.
  const { rows } = await read(jobs, "one,Baker\ntwo,Judge\n3\n");
  expect(rows.map(({ reasons }) => reasons[0]?.code)).toEqual(["wrong_type", "wrong_type", "wrong_field_count"]);
});

test("the same header again among the rows is skipped, counted and reported, also behind a byte order mark", async () => {
  const twice = `${TURNED_HEADER}\n${TURNED}\uFEFF${TURNED_HEADER.toUpperCase()}\n${TURNED}${TURNED_HEADER}\n`;
  const { values, notes } = await read(employees, twice);
  expect(values).toEqual([UMA, UMA]);
  expect(notes).toEqual(["a.csv: skipped 2 headers among the rows (the first is line 3)"]);
  const late = await read(jobs, "1,Baker\nid,job\n2,Judge\n");
  expect(late.values).toHaveLength(2);
  expect(late.notes).toEqual(["a.csv: skipped line 2, a header among the rows"]);
});

test.each([
  "id,name,datetime,department_id,job_id",
  "name,id",
  "id,name,datetime,job_id,department",
  "id,name,datetime,job_id,department_id,",
  '"id","name","datetime" (UTC),job_id,department_id',
])("another header among the rows (%j) refuses the file", async (header) => {
  const message = await refusal(employees, `${TURNED_HEADER}\n${TURNED}${header}\n${TURNED}`);
  expect(message).toMatch(/^a\.csv: line 3 is another header, and the rows above it are id,name,datetime,job_id,/);
});

test("a file whose rows all end in a comma is refused with one message", async () => {
  expect(await refusal(jobs, "id,job\n1,Baker,\n2,Judge,\n")).toContain("each row ends in a comma");
  expect(await refusal(jobs, "1,Baker,\n2,Judge,\n")).toContain("each row ends in a comma");
  const { rows } = await read(jobs, "id,job\n1,Baker,\n2,Judge\n");
  expect(rows.map(({ reasons }) => reasons[0]?.code)).toEqual(["wrong_field_count", undefined]);
});

test("a document without rows is reported", async () => {
  for (const text of ["", "id,job\n", "\n \n", "\uFEFF"])
    expect((await read(jobs, text)).notes).toEqual(["a.csv has no rows"]);
});

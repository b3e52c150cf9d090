import { expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import {
  type AnyMySqlColumn,
  customType,
  datetime,
  decimal,
  double,
  foreignKey,
  int,
  json,
  type MySqlColumnBuilderBase,
  mysqlTable,
  primaryKey,
  text,
  time,
  timestamp,
  uniqueIndex,
  varchar,
} from "drizzle-orm/mysql-core";
import { buildTables } from "../src/codecs/dictionary.ts";
import { isTableName, tableNames, tableOf } from "../src/codecs/tables.ts";
import { MusterError } from "../src/errors.ts";
import { only } from "./support/things.ts";

const id = () => int("id").autoincrement().primaryKey();
const names = (module: object) => buildTables(module).map(({ name }) => name as string);

/** The message at the start for a schema that cannot be used. */
function refusal(module: object): string {
  try {
    buildTables(module);
  } catch (error) {
    if (error instanceof MusterError && error.code === "invalid") return error.message;
    throw error;
  }
  return "it was taken";
}

const withColumn = (value: MySqlColumnBuilderBase) => refusal({ notes: mysqlTable("notes", { id: id(), value }) });

test("the tables of the schema come with parents before children", () => {
  expect(tableNames).toEqual(["departments", "jobs", "hired_employees"]);
  const employees = tableOf("hired_employees");
  expect(employees.columns.map(({ name, sqlType, required }) => [name, sqlType, required])).toEqual([
    ["id", "int", true],
    ["name", "varchar(255)", true],
    ["datetime", "datetime(3)", true],
    ["department_id", "int", true],
    ["job_id", "int", true],
  ]);
  expect(employees.key).toBe(0);
  expect(employees.references).toEqual([
    { column: 3, table: "departments" },
    { column: 4, table: "jobs" },
  ]);
  expect([isTableName("jobs"), isTableName("runs"), isTableName("constructor")]).toEqual([true, false, false]);
});

test("the order of tables follows their foreign keys, however they are written", () => {
  const towns = mysqlTable("towns", { id: id(), country_id: int("country_id").references(() => zones.id) });
  const zones = mysqlTable("zones", { id: id() });
  const people = mysqlTable("people", { id: id(), town_id: int("town_id") }, (table) => [
    foreignKey({ columns: [table.town_id], foreignColumns: [towns.id] }),
  ]);
  expect(names({ people, towns, zones })).toEqual(["zones", "towns", "people"]);
  expect(buildTables({ people, towns, zones }).map(({ references }) => references)).toEqual([
    [],
    [{ column: 1, table: "zones" as never }],
    [{ column: 1, table: "towns" as never }],
  ]);
});

test("a reference to the own table or a second unique key fails with its name: no row could be judged by it", () => {
  const zones = mysqlTable("zones", { id: id(), outer_id: int("outer_id").references((): AnyMySqlColumn => zones.id) });
  expect(() => buildTables({ zones })).toThrow("zones.outer_id refers to its own table");
  expect(withColumn(varchar("value", { length: 9 }).unique())).toContain("unique");
  const codes = mysqlTable("codes", { id: id(), code: int("code") }, (table) => [uniqueIndex("one").on(table.code)]);
  expect(() => buildTables({ codes })).toThrow("the table codes has a unique constraint");
});

test("exports that are not tables are ignored", () => {
  const notes = mysqlTable("notes", { id: id() });
  expect(names({ notes, doc: { notes: "What people said" }, aliases: {}, VERSION: 1, none: null })).toEqual(["notes"]);
});

test("a default is kept in its stored form", () => {
  const table = only({
    notes: mysqlTable("notes", {
      id: id(),
      price: decimal("price", { precision: 5, scale: 2 }).notNull().default("1.5"),
      at: datetime("at", { mode: "string", fsp: 3 }).notNull().default("2021-01-01 00:00:00"),
      zero: int("zero").notNull().default(0),
      none: int("none"),
    }),
  });
  expect(table.columns.map(({ fallback, required }) => [fallback, required])).toEqual([
    [null, true],
    ["1.50", false],
    ["2021-01-01 00:00:00.000", false],
    [0, false],
    [null, false],
  ]);
});

test("a column type that Muster does not support fails with its name and type", () => {
  const inet = customType<{ data: string }>({ dataType: () => "varchar(39)" });
  for (const [column, type] of [
    [json("value"), "json"],
    [time("value"), "time"],
    [timestamp("value"), "timestamp"],
    [datetime("value", { fsp: 6 }), "datetime(6)"],
    [double("value", { precision: 8, scale: 2 }), "double(8,2)"],
    [inet("value"), "varchar(39)"],
  ] as const) {
    expect(withColumn(column)).toContain(`notes.value has the type ${type}`);
  }
});

test("a default that only the database or the program can compute fails with the column's name", () => {
  expect(withColumn(datetime("value").default(sql`now()`))).toContain("notes.value is computed");
  expect(withColumn(int("value").$defaultFn(() => 1))).toContain("notes.value is computed");
  expect(withColumn(int("value").$onUpdate(() => 1))).toContain("notes.value is computed");
  expect(withColumn(int("value").generatedAlwaysAs(sql`1`))).toContain("notes.value is computed");
});

test("a default that its own column would refuse fails with the column's name", () => {
  expect(withColumn(varchar("value", { length: 3 }).default("long"))).toContain("notes.value has a default");
  expect(withColumn(datetime("value", { mode: "string" }).default("soon"))).toContain("notes.value has a default");
  expect(withColumn(decimal("value", { precision: 4, scale: 1 }).default("0.25"))).toContain(
    "notes.value has a default",
  );
});

test("a table needs an id that counts up and is its only key", () => {
  const tables = {
    none: mysqlTable("none", { name: varchar("name", { length: 9 }) }),
    still: mysqlTable("still", { id: int("id").primaryKey() }),
    loose: mysqlTable("loose", { id: int("id").notNull() }),
    words: mysqlTable("words", { id: varchar("id", { length: 9 }).primaryKey() }),
    pairs: mysqlTable("pairs", { id: int("id").autoincrement(), other: int("other") }, (table) => [
      primaryKey({ columns: [table.id, table.other] }),
    ]),
  };
  for (const [name, table] of Object.entries(tables)) {
    const said = refusal({ [name]: table });
    expect(said).toContain(name);
    expect(said).toContain('int("id").autoincrement().primaryKey()');
  }
});

test("a foreign key to anything but another table's id fails with the column's name", () => {
  const codes = mysqlTable("codes", { id: id(), code: int("code").notNull() });
  const uses = mysqlTable("uses", { id: id(), code: int("code").references(() => codes.code) });
  expect(refusal({ codes, uses })).toContain("uses.code refers to something other than another table's id");
  const pairs = mysqlTable("pairs", { id: id(), code: int("code") }, (table) => [
    foreignKey({ columns: [table.id, table.code], foreignColumns: [codes.id, codes.code] }),
  ]);
  expect(refusal({ codes, pairs })).toContain("pairs.id, pairs.code refers to something other");
  const strays = mysqlTable("strays", { id: id(), code_id: int("code_id").references(() => codes.id) });
  expect(refusal({ strays })).toContain("strays.code_id refers to codes, which is not exported");
  const texts = mysqlTable("texts", { id: id(), code_id: text("code_id").references(() => codes.id) });
  expect(refusal({ codes, texts })).toContain("texts.code_id has the type text");
});

test("tables that refer to each other in a circle are named", () => {
  const hens = mysqlTable("hens", { id: id(), egg_id: int("egg_id").references((): AnyMySqlColumn => eggs.id) });
  const eggs = mysqlTable("eggs", { id: id(), hen_id: int("hen_id").references(() => hens.id) });
  const nests = mysqlTable("nests", { id: id(), hen_id: int("hen_id").references(() => hens.id) });
  expect(refusal({ nests, hens, eggs })).toContain("hens -> eggs -> hens");
});

test("a name that differs between property, column and table, or is taken, fails", () => {
  const table = (name: string) => mysqlTable(name, { id: id() });
  expect(refusal({ people: table("persons") })).toContain("persons is exported as people");
  for (const name of [
    "runs",
    "Rejections",
    "muster_gates",
    "MUSTER_notes",
    "insert",
    "healthz",
    "hired_department",
    "openapi.json",
    "my notes",
    "_stage",
  ]) {
    expect(refusal({ [name]: table(name) })).toContain(`the table ${name}`);
  }
  for (const name of ["gates", "idempotency_keys"]) expect(() => buildTables({ [name]: table(name) })).not.toThrow();
  const notes = mysqlTable("notes", { id: id(), hireDate: datetime("hire_date") });
  expect(refusal({ notes })).toContain("notes.hireDate is called hire_date in SQL");
  expect(refusal({ notes: mysqlTable("notes", { id: id(), limit: int("limit") }) })).toContain("notes.limit");
});

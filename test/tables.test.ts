import { expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import {
  type AnyMySqlColumn,
  bigint,
  customType,
  date,
  datetime,
  decimal,
  double,
  foreignKey,
  int,
  type MySqlColumnBuilderBase,
  mysqlTable,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
  varchar,
} from "drizzle-orm/mysql-core";
import { buildTables } from "../src/codecs/dictionary.ts";
import { MusterError } from "../src/errors.ts";
import { dictionary, SAMPLE_TABLES, tableNames, tableOf } from "./support/dictionary.ts";
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
  const places = SAMPLE_TABLES.map((name) => tableNames.indexOf(name));
  expect(places).toEqual(places.toSorted());
  const employees = tableOf("hired_employees");
  expect(employees.columns.map(({ name, sqlType, required }) => [name, sqlType, required])).toEqual([
    ["id", "int", true],
    ["name", "varchar(255)", true],
    ["datetime", "datetime(3)", true],
    ["department_id", "int", true],
    ["job_id", "int", true],
  ]);
  expect([employees.key, employees.numberKey, employees.assigned, employees.judgedAsRead]).toEqual([[0], 0, 0, true]);
  expect(employees.references.map(({ columns, parent }) => [columns, parent.name])).toEqual([
    [[3], "departments"],
    [[4], "jobs"],
  ]);
  expect([dictionary.has("jobs"), dictionary.has("runs"), dictionary.has("constructor")]).toEqual([true, false, false]);
});

test("the order of tables follows their foreign keys, however they are written", () => {
  const towns = mysqlTable("towns", { id: id(), country_id: int("country_id").references(() => zones.id) });
  const zones = mysqlTable("zones", { id: id() });
  const people = mysqlTable("people", { id: id(), town_id: int("town_id") }, (table) => [
    foreignKey({ columns: [table.town_id], foreignColumns: [towns.id] }),
  ]);
  expect(names({ people, towns, zones })).toEqual(["zones", "towns", "people"]);
  const parents = buildTables({ people, towns, zones }).map(({ references }) =>
    references.map(({ columns, parent }) => `${columns} ${parent.name}`),
  );
  expect(parents).toEqual([[], ["1 zones"], ["1 towns"]]);
});

test("a table that refers to itself, or has a second unique key, is judged by the server", () => {
  const source = mysqlTable("zones", {
    id: id(),
    outer_id: int("outer_id").references((): AnyMySqlColumn => source.id),
  });
  const zones = only({ zones: source });
  expect([zones.judgedAsRead, zones.references.map(({ parent }) => parent === zones)]).toEqual([false, [true]]);
  const codes = only({
    codes: mysqlTable(
      "codes",
      {
        id: id(),
        code: int("code"),
        name: varchar("name", { length: 9 }).unique(),
        place: varchar("place", { length: 9 }),
      },
      (table) => [uniqueIndex("one").on(table.code), unique("two").on(table.code, table.place)],
    ),
  });
  expect(codes.judgedAsRead).toBe(false);
  expect(codes.uniques.map(({ columns }) => columns)).toEqual([[2], [1, 3], [1]]);
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
  const bit = customType<{ data: Buffer }>({ dataType: () => "bit(8)" });
  const inet = customType<{ data: string }>({ dataType: () => "varchar(39)" });
  for (const [column, type] of [
    [bit("value"), "bit(8)"],
    [double("value", { precision: 8, scale: 2 }), "double(8,2)"],
    [inet("value"), "varchar(39)"],
  ] as const) {
    expect(withColumn(column)).toContain(`notes.value has the type ${type}`);
  }
});

test("a default that the server computes leaves the value open, and one of the program fails", () => {
  const table = only({ notes: mysqlTable("notes", { id: id(), at: datetime("at").notNull().default(sql`(now())`) }) });
  expect(table.columns[1]).toMatchObject({ required: false, serverDefault: "(now())" });
  expect(table.judgedAsRead).toBe(false);
  expect(withColumn(int("value").$defaultFn(() => 1))).toContain("notes.value is computed by this program");
  expect(withColumn(int("value").$onUpdate(() => 1))).toContain("notes.value is computed by this program");
});

test("a generated column is read and never written", () => {
  const table = only({
    notes: mysqlTable("notes", { id: id(), one: int("one").generatedAlwaysAs(sql`1`), two: int("two") }),
  });
  expect(table.columns.map(({ name }) => name)).toEqual(["id", "two"]);
  expect(table.readable.map(({ name }) => name)).toEqual(["id", "one", "two"]);
});

test("a default that its own column would refuse fails with the column's name", () => {
  expect(withColumn(varchar("value", { length: 3 }).default("long"))).toContain("notes.value has a default");
  expect(withColumn(datetime("value", { mode: "string" }).default("soon"))).toContain("notes.value has a default");
  expect(withColumn(decimal("value", { precision: 4, scale: 1 }).default("0.25"))).toContain(
    "notes.value has a default",
  );
});

test("a key may be a number, a text, a day, or several columns", () => {
  const key = (columns: Record<string, MySqlColumnBuilderBase>) => {
    const { key, numberKey, assigned, judgedAsRead } = only({ notes: mysqlTable("notes", columns as { id: never }) });
    return [key, numberKey, assigned, judgedAsRead];
  };
  expect(key({ id: int("id").primaryKey() })).toEqual([[0], 0, undefined, true]);
  expect(key({ no: smallint("no", { unsigned: true }).autoincrement().primaryKey() })).toEqual([[0], 0, 0, true]);
  expect(key({ id: bigint("id", { mode: "number" }).primaryKey() })).toEqual([[0], 0, undefined, true]);
  expect(key({ id: bigint("id", { mode: "bigint" }).primaryKey() })).toEqual([[0], undefined, undefined, false]);
  expect(key({ code: varchar("code", { length: 9 }).primaryKey() })).toEqual([[0], undefined, undefined, false]);
  const pairs = mysqlTable("pairs", { note: int("note"), day: date("day"), number: int("number") }, (table) => [
    primaryKey({ columns: [table.number, table.day] }),
  ]);
  expect(only({ pairs }).key).toEqual([2, 1]);
  expect(only({ pairs }).columns.map(({ isKey, required }) => [isKey, required])).toEqual([
    [false, false],
    [true, true],
    [true, true],
  ]);
});

test("a table without a key, or with one of another type, fails with its name", () => {
  const none = mysqlTable("none", { name: varchar("name", { length: 9 }) });
  expect(refusal({ none })).toContain("the table none has no primary key");
  const shares = mysqlTable("shares", { share: double("share").primaryKey() });
  expect(refusal({ shares })).toContain("shares.share is double, which a primary key may not have");
  const loose = mysqlTable("loose", { id: int("id").primaryKey(), other: int("other").autoincrement() });
  expect(refusal({ loose })).toContain("loose.other counts up");
});

test("a foreign key may refer to any key, and to nothing else", () => {
  const codes = mysqlTable("codes", { id: id(), code: int("code").notNull(), name: int("name").unique() });
  const uses = mysqlTable("uses", { id: id(), code: int("code").references(() => codes.code) });
  expect(refusal({ codes, uses })).toContain(
    "uses.code refers to columns of codes that are neither its key nor unique",
  );
  const names = mysqlTable("names", { id: id(), name: int("name").references(() => codes.name) });
  expect(refusal({ codes, names })).toBe("it was taken");
  const strays = mysqlTable("strays", { id: id(), code_id: int("code_id").references(() => codes.id) });
  expect(refusal({ strays })).toContain("strays.code_id refers to codes, which is not exported");
  const texts = mysqlTable("texts", { id: id(), code_id: text("code_id").references(() => codes.id) });
  expect(refusal({ codes, texts })).toContain("texts.code_id has the type text, and refers to int");
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

/** A file with columns of every type is loaded again: all its rows are unchanged, whichever way they are judged. */
import { afterAll, expect, test } from "bun:test";
import { generateMySQLDrizzleJson, generateMySQLMigration } from "drizzle-kit/api";
import {
  bigint,
  binary,
  boolean,
  char,
  date,
  datetime,
  decimal,
  double,
  float,
  int,
  json,
  mysqlEnum,
  mysqlTable,
  text,
  time,
  timestamp,
  varbinary,
  varchar,
  year,
} from "drizzle-orm/mysql-core";
import { csvCells } from "../src/codecs/csv.ts";
import { Dictionary } from "../src/codecs/dictionary.ts";
import type { Row, Table } from "../src/codecs/tables.ts";
import { bit, blob, set } from "../src/db/more-types.ts";
import { importSource } from "../src/ingest/import.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const ofEveryType = () => ({
  big: bigint("big", { mode: "bigint", unsigned: true }),
  amount: decimal("amount", { precision: 20, scale: 6 }),
  ratio: float("ratio"),
  exact: double("exact"),
  flag: boolean("flag"),
  open: bit("open"),
  code: char("code", { length: 5 }),
  note: text("note"),
  kind: mysqlEnum("kind", ["red", "PG-13", "it's"]),
  tags: set("tags", { members: ["red", "it's"] }),
  hash: binary("hash", { length: 4 }),
  short: varbinary("short", { length: 4 }),
  image: blob("image"),
  day: date("day", { mode: "string" }),
  lasts: time("lasts", { fsp: 3 }),
  built: year("built"),
  micros: datetime("micros", { mode: "string", fsp: 6 }),
  seen: timestamp("seen", { mode: "string", fsp: 6 }),
  notes: json("notes"),
});
const schema = {
  samples: mysqlTable("samples", { id: int("id").autoincrement().primaryKey(), ...ofEveryType() }),
  assays: mysqlTable("assays", { uuid: varchar("uuid", { length: 36 }).primaryKey(), ...ofEveryType() }),
};

const fresh = await freshDatabase();
const dictionary = new Dictionary(schema);
const database = { ...fresh, dictionary };
afterAll(async () => {
  await fresh.close();
  await removeFolders();
});
const [before, after] = await Promise.all([generateMySQLDrizzleJson({}), generateMySQLDrizzleJson(schema)]);
for (const statement of await generateMySQLMigration(before, after)) await fresh.pool.query(statement);
await fresh.pool.query("INSERT INTO muster_gates VALUES ?", [dictionary.names.map((name) => [name])]);

const VALUES: Row[] = [
  [
    ...["18446744073709551615", "-12345678901234.000001", 0.1, 0.1, 1, 1, "ab", "a\\b\n\t", "it's", "red,it's"],
    ...["AAAAAA==", "AA==", "/wA=", "1000-01-01", "-838:59:59.000", 0, "9999-12-31 23:59:59.999999"],
    ...["2038-01-19 03:14:07.999999", '{"a":[1e+100,0.1,100,"é\\n\\u0000"],"b":null}'],
  ],
  [
    ...[0, "0.000000", 3.4028234663852886e38, 5e-324, 0, 0, "É", "😀", "PG-13", "", "/////w==", "//8=", "AAE="],
    ...["9999-12-31", "00:00:00.001", 2155, "1000-01-01 00:00:00.000001", "1970-01-01 00:00:01.000000", "[]"],
  ],
  [1, ...Array.from({ length: 18 }, () => null)],
];

function tableCalled(name: string): Table {
  const table = dictionary.tables.find((each) => String(each.name) === name);
  if (!table) throw new Error(`there is no table ${name}`);
  return table;
}

const rowsOf = (table: Table): Row[] =>
  VALUES.map((values, index) => [String(table.name) === "samples" ? index + 1 : `k${index + 1}`, ...values]);

const fileOf = (table: Table, rows: readonly Row[]) =>
  [table.columns.map(({ name }) => name), ...rows.map((row) => csvCells(table, row))]
    .map((cells) => cells.map((cell) => (cell === "" ? "" : `"${cell.replaceAll('"', '""')}"`)).join(","))
    .join("\n");

test.each(["samples", "assays"])("%s: the rows of a file are unchanged when it is loaded again", async (name) => {
  const table = tableCalled(name);
  const rows = rowsOf(table);
  const source = await folderOf({ [`${name}.csv`]: fileOf(table, rows) });
  const load = async () => (await importSource(database, { source, report: { say() {} } })).tables[name as never];
  const first = await load();
  const open = await listRejections(fresh.db, { limit: 9, state: "open" });
  expect(open.flatMap(({ reasons }) => reasons)).toEqual([]);
  expect(first).toMatchObject({ received: 3, inserted: 3, rejected: 0 });
  expect(await listRows(database, table, { limit: 9 })).toEqual(rows);
  expect(await load()).toMatchObject({ received: 3, unchanged: 3, rejected: 0 });
});

test("JSON that another program wrote in another way is the same value", async () => {
  const table = tableCalled("samples");
  const rows = rowsOf(table);
  const source = await folderOf({ "samples.csv": fileOf(table, rows) });
  await importSource(database, { source, report: { say() {} } });
  const spelling = '{ "b" : null, "a" : [1e100, 1.0e-1, 100.0, "\\u00e9\\n\\u0000"] }';
  await fresh.pool.query("UPDATE samples SET notes = ? WHERE id = 1", [spelling]);
  expect(await listRows(database, table, { limit: 9 })).toEqual(rows);
  const { tables } = await importSource(database, { source, report: { say() {} } });
  expect(tables["samples" as never]).toMatchObject({ received: 3, unchanged: 3, rejected: 0 });
});

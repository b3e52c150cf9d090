/** Defaults of columns of every type: a row that leaves them out gets the value that the server itself would give it. */
import { afterAll, expect, test } from "bun:test";
import { generateMySQLDrizzleJson, generateMySQLMigration } from "drizzle-kit/api";
import {
  binary,
  boolean,
  char,
  decimal,
  float,
  int,
  mysqlEnum,
  mysqlTable,
  smallint,
  timestamp,
  varbinary,
} from "drizzle-orm/mysql-core";
import { exampleRow } from "../src/codecs/example.ts";
import { fromJson, toJson } from "../src/codecs/json.ts";
import { bit, blob, set } from "../src/db/more-types.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { only } from "./support/things.ts";

const schema = {
  settings: mysqlTable("settings", {
    id: int("id").autoincrement().primaryKey(),
    small: smallint("small", { unsigned: true }).notNull().default(3),
    ratio: float("ratio").notNull().default(0.1),
    open: bit("open").notNull().default(true),
    flag: boolean("flag").notNull().default(true),
    code: char("code", { length: 5 }).notNull().default("a'b"),
    kind: mysqlEnum("kind", ["red", "PG-13", "it's"]).notNull().default("it's"),
    tags: set("tags", { members: ["red", "it's"] })
      .notNull()
      .default("red,it's"),
    seen: timestamp("seen", { mode: "string" }).notNull().default("2021-11-07 02:48:42"),
  }),
};

const database = await freshDatabase();
afterAll(() => database.close());

test("the default of every type is the one that the server has from the generated migration", async () => {
  const [before, after] = await Promise.all([generateMySQLDrizzleJson({}), generateMySQLDrizzleJson(schema)]);
  for (const statement of await generateMySQLMigration(before, after)) await database.pool.query(statement);
  await database.pool.query("INSERT INTO settings () VALUES ()");
  const settings = only(schema);
  const { values, reasons } = fromJson(settings, { id: 1 }, { keyOptional: false });
  expect(reasons).toEqual([]);
  expect(await listRows(database, settings, { limit: 2 })).toEqual([values.map((value) => value ?? null)]);
});

test("documents have an example of every type", () => {
  const table = only({
    samples: mysqlTable("samples", {
      id: int("id").autoincrement().primaryKey(),
      open: bit("open").notNull(),
      tags: set("tags", { members: ["red", "it's"] }).notNull(),
      hash: binary("hash", { length: 16 }).notNull(),
      short: varbinary("short", { length: 1 }).notNull(),
      image: blob("image").notNull(),
      share: decimal("share", { precision: 2, scale: 2 }).notNull(),
    }),
  });
  const example = exampleRow(table, 1);
  expect(fromJson(table, toJson(table, example), { keyOptional: false })).toEqual({
    values: [...example],
    reasons: [],
  });
});

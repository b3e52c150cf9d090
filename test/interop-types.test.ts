/** A backup of every type is read by other people's Avro tools: Debian's packages avro-bin and python3-avro. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
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
  time,
  varbinary,
  year,
} from "drizzle-orm/mysql-core";
import { backup } from "../src/backups/backup.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { bit, blob, set } from "../src/db/more-types.ts";
import { insertRows } from "../src/repositories/inserts.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { only } from "./support/things.ts";

const schema = {
  samples: mysqlTable("samples", {
    id: int("id").autoincrement().primaryKey(),
    big: bigint("big", { mode: "bigint", unsigned: true }),
    amount: decimal("amount", { precision: 20, scale: 6 }),
    ratio: float("ratio"),
    exact: double("exact"),
    flag: boolean("flag"),
    open: bit("open"),
    code: char("code", { length: 5 }),
    plain: mysqlEnum("plain", ["red", "green"]),
    kind: mysqlEnum("kind", ["red", "PG-13"]),
    tags: set("tags", { members: ["red", "it's"] }),
    hash: binary("hash", { length: 4 }),
    short: varbinary("short", { length: 4 }),
    image: blob("image"),
    day: date("day", { mode: "string" }),
    starts: time("starts", { fsp: 3 }),
    built: year("built"),
    micros: datetime("micros", { mode: "string", fsp: 6 }),
    notes: json("notes"),
  }),
};
const samples = only(schema);
const PYTHON = "/usr/bin/python3";
const hasPython = Bun.spawnSync([PYTHON, "-c", "import avro.datafile"], { stderr: "ignore" }).exitCode === 0;
const withoutPython = missing("python3-avro", hasPython);
const withoutAvrocat = missing("avrocat", Bun.which("avrocat") !== null);

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
const [before, after] = await Promise.all([generateMySQLDrizzleJson({}), generateMySQLDrizzleJson(schema)]);
for (const statement of await generateMySQLMigration(before, after)) await database.pool.query(statement);
await database.pool.query("INSERT INTO muster_gates VALUES ('samples')");
const connection = await database.pool.getConnection();
await insertRows(connection, samples, [
  [
    ...[1, "18446744073709551615", "-1.500000", 0.5, 0.1, 1, 1, "ab", "green", "PG-13", "red,it's", "AAECAw==", "AA=="],
    ...["/wA=", "2021-11-07", "08:30:00.250", 2021, "2021-11-07 02:48:42.123456", '{"a":[1,"é"]}'],
  ],
  [2, ...Array.from({ length: 18 }, () => null)],
]);
connection.release();
const folder = await folderOf({});
const options = { tables: [samples], codec: "deflate" as const, report: { say() {} } };
const { manifest } = await backup(database, new DirectoryStore(folder), options);
const file = join(folder, manifest.id, "samples.avro");

test.skipIf(withoutAvrocat !== "")(`avrocat reads all values of a backup${withoutAvrocat}`, () => {
  const [first = "", second = ""] = Bun.spawnSync(["avrocat", file]).stdout.toString().trim().split("\n");
  expect(JSON.parse(first)).toMatchObject({
    plain: { muster_plain_enum: "green" },
    kind: { string: "PG-13" },
    tags: { array: ["red", "it's"] },
    open: { boolean: true },
    day: { int: 18_938 },
    starts: { long: 30_600_250_000 },
    micros: { long: 1_636_253_322_123_456 },
    notes: { string: '{"a":[1,"é"]}' },
  });
  expect(Object.values(JSON.parse(second))).toEqual([2, ...Array.from({ length: 18 }, () => null)]);
});

test.skipIf(withoutPython !== "")(`Python's avro reads all values as what they are${withoutPython}`, () => {
  const script = `
import sys, json
from avro.datafile import DataFileReader
from avro.io import DatumReader
text = lambda v: v.hex() if isinstance(v, bytes) else v if isinstance(v, (list, bool, int, float)) else str(v)
row = next(DataFileReader(open(sys.argv[1], "rb"), DatumReader()))
print(json.dumps({name: text(value) for name, value in row.items()}))`;
  const { stdout, stderr } = Bun.spawnSync([PYTHON, "-c", script, file]);
  expect(stderr.toString()).toBe("");
  expect(JSON.parse(stdout.toString())).toEqual({
    ...{ id: 1, amount: "-1.500000", ratio: 0.5, exact: 0.1, flag: true, open: true, code: "ab", plain: "green" },
    ...{ kind: "PG-13", tags: ["red", "it's"], hash: "00010203", short: "00", image: "ff00", day: "2021-11-07" },
    ...{ big: "18446744073709551615", starts: "08:30:00.250000", built: 2021, notes: '{"a":[1,"é"]}' },
    micros: "2021-11-07 02:48:42.123456+00:00",
  });
});

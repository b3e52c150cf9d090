/** Times of a backup, read by Python's fastavro. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { datetime, int, json, mysqlTable, time, timestamp } from "drizzle-orm/mysql-core";
import { backup } from "../src/backups/backup.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { avroRows } from "../src/read/formats/avro-rows.ts";
import { insertRows } from "../src/repositories/inserts.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutPython, written } from "./support/python.ts";
import { only } from "./support/things.ts";

const shifts = only({
  shifts: mysqlTable("shifts", {
    id: int("id").autoincrement().primaryKey(),
    micros: datetime("micros", { mode: "string", fsp: 6 }).notNull(),
    local: datetime("local", { mode: "string", fsp: 6 }).notNull(),
    millis: datetime("millis", { mode: "string", fsp: 3 }).notNull(),
    seen: timestamp("seen", { mode: "string" }).notNull(),
    begins: time("begins", { fsp: 6 }).notNull(),
    notes: json("notes"),
  }),
  zones: { "shifts.local": "America/Bogota", "shifts.millis": "America/Bogota" },
});
const stored = [
  ...[1, "9999-12-31 23:59:59.999999", "2024-07-01 08:00:00.000001", "2024-07-01 08:00:00.120"],
  ...["2024-07-01 12:00:00", "08:30:00.000001", '{"a":1}'],
];

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
const without = withoutPython("fastavro");

test.skipIf(without !== "")(`fastavro reads the times of a backup as they are stored${without}`, async () => {
  await database.pool.query(`CREATE TABLE shifts (id INT AUTO_INCREMENT PRIMARY KEY, micros DATETIME(6) NOT NULL,
    local DATETIME(6) NOT NULL, millis DATETIME(3) NOT NULL, seen TIMESTAMP NOT NULL, begins TIME(6) NOT NULL, notes JSON)`);
  await database.pool.query("INSERT INTO muster_gates VALUES ('shifts')");
  const connection = await database.pool.getConnection();
  await insertRows(connection, shifts, [stored]);
  connection.release();
  const folder = await folderOf({});
  const report = { say() {} };
  const store = new DirectoryStore(folder);
  const { manifest } = await backup(database, store, { tables: [shifts], codec: "null", report });
  const file = join(folder, manifest.id, "shifts.avro");
  const read = await written(`
import json, fastavro
with open(${JSON.stringify(file)}, "rb") as source:
    rows = [{k: v if isinstance(v, (int, str)) else v.isoformat() for k, v in r.items()} for r in fastavro.reader(source)]
json.dump(rows, open("rows.json", "w"))`);
  expect(JSON.parse(Buffer.from(await read("rows.json")).toString())).toEqual([
    {
      ...{ id: 1, micros: "9999-12-31T23:59:59.999999+00:00", local: "2024-07-01T08:00:00.000001" },
      ...{ millis: "2024-07-01T08:00:00.120000", seen: "2024-07-01T12:00:00+00:00", begins: "08:30:00.000001" },
      notes: '{"a":1}',
    },
  ]);
});

test.skipIf(without !== "")(`a file of fastavro with times and JSON as text is imported${without}`, async () => {
  const read = await written(`
import datetime, fastavro
utc = datetime.datetime(2024, 7, 1, 13, 0, 0, 1, tzinfo=datetime.timezone.utc)
micros = {"type": "long", "logicalType": "timestamp-micros"}
second = {"type": "long", "logicalType": "timestamp-millis"}
fields = [("id", "int"), ("micros", micros), ("local", micros), ("millis", second), ("seen", second),
  ("begins", {"type": "long", "logicalType": "time-micros"}), ("notes", "string")]
schema = {"type": "record", "name": "shifts", "fields": [{"name": n, "type": t} for n, t in fields]}
whole = utc.replace(microsecond=0)
row = {"id": 1, "micros": utc, "local": utc, "millis": whole, "seen": whole,
  "begins": datetime.time(8, 30, 0, 1), "notes": '{"a": 1}'}
with open("shifts.avro", "wb") as out:
    fastavro.writer(out, fastavro.parse_schema(schema), [row])`);
  const bytes = await read("shifts.avro");
  const [[row] = []] = await Array.fromAsync(
    avroRows(
      shifts,
      (async function* () {
        yield bytes;
      })(),
      "shifts.avro",
    ),
  );
  expect(row?.reasons).toEqual([]);
  expect(row?.values).toEqual([
    ...[1, "2024-07-01 13:00:00.000001", "2024-07-01 08:00:00.000001", "2024-07-01 08:00:00.000"],
    ...["2024-07-01 13:00:00", "08:30:00.000001", '{"a":1}'],
  ]);
});

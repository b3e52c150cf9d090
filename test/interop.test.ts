import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { type ManifestEntry, sealed } from "../src/backups/manifest.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { decodeTable } from "../src/backups/table-file.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf, tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";

/** Backups read and written by other people's Avro tools: Debian's packages avro-bin and python3-avro. */
const PYTHON = "/usr/bin/python3";
const hasPython = Bun.spawnSync([PYTHON, "-c", "import avro.datafile"], { stderr: "ignore" }).exitCode === 0;
const withoutPython = missing("python3-avro", hasPython);
const withoutAvrocat = missing("avrocat", Bun.which("avrocat") !== null);

const database = await freshDatabase();
const folder = await folderOf({});
const store = new DirectoryStore(folder);
const report = { say() {} };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
await database.pool.query(
  "INSERT INTO hired_employees VALUES (1, 'Zoë \"😀\"\n', '2021-11-07 02:48:42.123', 1, 1), (7, 'Bo', '1999-12-31 23:59:59', 1, 1)",
);
const { manifest } = await backup(database, store, { tables, codec: "deflate", report });
const file = join(folder, manifest.id, "hired_employees.avro");

function python(script: string, ...args: string[]): unknown {
  const { stdout, stderr, exitCode } = Bun.spawnSync([PYTHON, "-c", script, ...args]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString() || "null");
}

test.skipIf(withoutAvrocat !== "")(`avrocat reads a backup${withoutAvrocat}`, () => {
  const lines = Bun.spawnSync(["avrocat", file]).stdout.toString().trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { id: 1, name: 'Zoë "😀"\n', datetime: 1636253322123, department_id: 1, job_id: 1 },
    { id: 7, name: "Bo", datetime: 946684799000, department_id: 1, job_id: 1 },
  ]);
});

test.skipIf(withoutPython !== "")(`Python's avro reads a backup, and its instants as instants${withoutPython}`, () => {
  const script = `
import sys, json
from avro.datafile import DataFileReader
from avro.io import DatumReader
reader = DataFileReader(open(sys.argv[1], "rb"), DatumReader())
print(json.dumps([[r["id"], r["name"], r["datetime"].isoformat()] for r in reader]))`;
  expect(python(script, file)).toEqual([
    [1, 'Zoë "😀"\n', "2021-11-07T02:48:42.123000+00:00"],
    [7, "Bo", "1999-12-31T23:59:59+00:00"],
  ]);
});

test.skipIf(withoutPython !== "")(
  `a file that Python's avro wrote with the same schema is restored${withoutPython}`,
  async () => {
    const script = `
import sys, datetime, avro.schema
from avro.datafile import DataFileWriter
from avro.io import DatumWriter
schema = avro.schema.parse(open(sys.argv[3]).read())
writer = DataFileWriter(open(sys.argv[2], "wb"), DatumWriter(), schema, codec="deflate")
utc = datetime.timezone.utc
writer.append({"id": 5, "name": "Ñandú", "datetime": datetime.datetime(2022, 1, 2, 3, 4, 5, 6000, tzinfo=utc), "department_id": 1, "job_id": 1})
writer.close()`;
    const { id } = manifest;
    const entry = manifest.tables.find(({ table }) => table === "hired_employees") as ManifestEntry;
    const schemaFile = join(folder, "schema.avsc");
    await Bun.write(schemaFile, JSON.stringify(entry.schema));
    python(script, file, `${file}.new`, schemaFile);
    const bytes = await Bun.file(`${file}.new`).bytes();
    await Bun.write(file, bytes);
    const read = await decodeTable(tableOf("hired_employees"), Bun.file(file).stream());
    for await (const _ of read.rows);
    Object.assign(entry, {
      ...{ schema: read.schema, rows: 1, bytes: bytes.length, checksum: read.checksum.toString() },
      sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
    });
    const { seal: _, ...unsealed } = manifest;
    await Bun.write(join(folder, id, "manifest.json"), JSON.stringify(sealed(unsealed)));
    await restore(database, store, { tables: [tableOf("hired_employees")], backup: id, report });
    const [rows] = await database.pool.query<RowDataPacket[][]>({
      sql: "SELECT * FROM hired_employees",
      rowsAsArray: true,
    });
    expect(rows as unknown[][]).toEqual([[5, "Ñandú", "2022-01-02 03:04:05.006", 1, 1]]);
  },
);

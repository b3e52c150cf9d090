import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { bigint, decimal, int, longtext, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { BlockBuilder, decodeTable } from "../src/backups/table-file.ts";
import { type AvroSchema, avroSchema, recordEncoder } from "../src/codecs/avro.ts";
import { AVRO_CODECS, type AvroCodec, type Block, writeContainer } from "../src/codecs/avro-container.ts";
import type { Row, Table } from "../src/codecs/tables.ts";
import { textEncoder } from "../src/codecs/text-to-avro.ts";
import { SAMPLE_TABLES, tables } from "./support/dictionary.ts";
import { rows as anyRow, only, textOf, things } from "./support/things.ts";

const GOLDEN = join(import.meta.dir, "golden");

async function* blocksOf(builder: BlockBuilder<Row>, rows: readonly Row[]): AsyncGenerator<Block> {
  for (const row of rows) {
    builder.add(row);
    yield* builder.take();
  }
  yield* builder.finish();
}

async function written(table: Table, rows: readonly Row[], codec: AvroCodec = "deflate") {
  const builder = new BlockBuilder(recordEncoder(table));
  const chunks = writeContainer(avroSchema(table), codec, blocksOf(builder, rows));
  return { bytes: Buffer.concat(await Array.fromAsync(chunks)), checksum: builder.checksum.toString() };
}

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(table: Table, bytes: Buffer, piece = 1000) {
  const file = await decodeTable(table, inPieces(bytes, piece));
  const rows: Row[] = [];
  for await (const block of file.rows) rows.push(...block);
  return { rows, checksum: file.checksum.toString(), schema: file.schema };
}

test.each(SAMPLE_TABLES)("the Avro schema of %s has not changed", async (name) => {
  const table = tables.find((each) => each.name === name) as Table;
  expect(avroSchema(table)).toEqual(await Bun.file(join(GOLDEN, `${name}.avsc`)).json());
});

test("the Avro schema of a table with every column type has not changed", async () => {
  const file = join(GOLDEN, "things.avsc");
  expect(existsSync(file)).toBe(true);
  expect(avroSchema(things)).toEqual(await Bun.file(file).json());
});

test("rows written as Avro are read back, whatever their values, the codec and the size of the chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRow, { maxLength: 20 }),
      fc.constantFrom(...AVRO_CODECS),
      fc.integer({ min: 1, max: 5000 }),
      async (rows, codec, piece) => {
        const { bytes, checksum } = await written(things, rows, codec);
        const back = await read(things, bytes, piece);
        expect(back.rows).toEqual(rows);
        expect(back.checksum).toBe(checksum);
      },
    ),
    { numRuns: 200 },
  );
});

test("a row encoded from the server's text gives the same record as one encoded from values", () => {
  const encode = textEncoder(things);
  const encodeValues = recordEncoder(things);
  const [one, other] = [Buffer.alloc(1_000_000), Buffer.alloc(1_000_000)];
  fc.assert(
    fc.property(anyRow, fc.constantFrom(1, 250, 251, 65_535, 65_536, 300_000), (row, length) => {
      const values = row.with(7, row[7] === null ? null : "ä".repeat(length / 2 + 1));
      const text = textOf(values);
      const end = encode({ buffer: text, offset: 4, end: text.length }, one, 3);
      expect(one.subarray(3, end)).toEqual(other.subarray(0, encodeValues(values, other, 0)));
    }),
    { numRuns: 200 },
  );
});

test("a table's checksum depends on its content and not on the order of its rows", async () => {
  const rows = fc.sample(anyRow, 50);
  const { checksum } = await written(things, rows);
  expect((await written(things, [...rows].reverse(), "null")).checksum).toBe(checksum);
  expect((await written(things, rows.slice(1))).checksum).not.toBe(checksum);
});

test("a table of many blocks is read back, and so is a record larger than a block", async () => {
  const notes = only({ notes: mysqlTable("notes", { id: id(), text: varchar("text", { length: 16000 }).notNull() }) });
  const rows: Row[] = Array.from({ length: 300 }, (_, index) => [index + 1, "é".repeat(1 + ((index * 97) % 16000))]);
  const { bytes } = await written(notes, rows);
  expect((await read(notes, bytes)).rows).toEqual(rows);
});

const id = () => int("id").autoincrement().primaryKey();

/** Reads a backup of one schema into another. @returns the rows, or why it is refused */
async function resolved(before: Table, rows: readonly Row[], now: Table): Promise<readonly Row[] | string> {
  const { bytes } = await written(before, rows);
  return read(now, bytes).then(
    (file) => file.rows,
    (error) => String(error.message),
  );
}

const staff = (columns: object) => only({ staff: mysqlTable("staff", { id: id(), ...columns } as never) });

test("a backup made before a column was added with a default, dropped, reordered or widened can be read", async () => {
  const before = staff({ name: varchar("name", { length: 9 }).notNull(), level: int("level").notNull() });
  const rows: Row[] = [[1, "Ana", 7]];
  const name = () => varchar("name", { length: 9 }).notNull();
  const level = () => int("level").notNull();
  const grade = int("grade").notNull().default(3);
  expect(await resolved(before, rows, staff({ name: name(), level: level(), grade }))).toEqual([[1, "Ana", 7, 3]]);
  expect(await resolved(before, rows, staff({ name: name(), level: level(), grade: int("grade") }))).toEqual([
    [1, "Ana", 7, null],
  ]);
  expect(await resolved(before, rows, staff({ level: level() }))).toEqual([[1, 7]]);
  expect(await resolved(before, rows, staff({ level: level(), name: name() }))).toEqual([[1, 7, "Ana"]]);
  const wide = bigint("level", { mode: "number" }).notNull();
  expect(await resolved(before, rows, staff({ name: name(), level: wide }))).toEqual([[1, "Ana", 7]]);
  expect(await resolved(before, rows, staff({ name: name(), level: int("level") }))).toEqual([[1, "Ana", 7]]);
});

test("a backup that does not fit the present schema is refused with the field's name", async () => {
  const before = staff({
    name: varchar("name", { length: 9 }).notNull(),
    pay: decimal("pay", { precision: 6, scale: 2 }),
  });
  const rows: Row[] = [[1, "Ana", "12.50"]];
  expect(await resolved(before, rows, staff({ grade: int("grade").notNull() }))).toContain(
    "grade: the backup does not have it",
  );
  expect(await resolved(before, rows, staff({ name: int("name").notNull() }))).toContain("name: the backup has it as");
  const scaled = decimal("pay", { precision: 6, scale: 1 });
  expect(await resolved(before, rows, staff({ pay: scaled }))).toContain("pay: the backup has it as");
});

test("a backup with a row that breaks the present rules is refused with its record and field", async () => {
  const before = staff({ name: varchar("name", { length: 9 }).notNull() });
  const now = staff({ name: varchar("name", { length: 3 }).notNull() });
  expect(
    await resolved(
      before,
      [
        [1, "Ana"],
        [2, "Anna"],
      ],
      now,
    ),
  ).toMatch(/record 2 of staff breaks a rule: name takes 3/);
});

test("an alias in the schema file finds a renamed field, and a doc appears in the Avro schema", () => {
  const table = staff({ full_name: varchar("full_name", { length: 9 }).notNull() });
  const remarks = { doc: { staff: "Who works here" }, aliases: { "staff.full_name": ["name"] } };
  const schema: AvroSchema = avroSchema(table, remarks);
  expect(schema.doc).toBe("Who works here");
  expect(schema.fields[1]).toEqual({ name: "full_name", type: "string", aliases: ["name"] });
});

test("a record larger than a block is written and read after smaller ones", async () => {
  const notes = only({ notes: mysqlTable("notes", { id: id(), text: longtext("text").notNull() }) });
  const rows: Row[] = [1, 700_000, 5, 3_000_000, 2].map((length, index) => [index + 1, "x".repeat(length)]);
  const { bytes, checksum } = await written(notes, rows);
  const back = await read(notes, bytes);
  expect([back.checksum, back.rows.map((row) => String(row[1]).length)]).toEqual([
    checksum,
    [1, 700_000, 5, 3_000_000, 2],
  ]);
});

/** Avro files, of which a test decides every byte. */
import type { AvroSchema } from "../../src/codecs/avro.ts";
import { writeLong } from "../../src/codecs/avro-bytes.ts";
import { type AvroCodec, type Block, writeContainer } from "../../src/codecs/avro-container.ts";

/** An Avro file with these blocks. Their bytes may be anything, and their counts wrong. */
export async function containerOf(
  schema: AvroSchema | object,
  codec: AvroCodec,
  ...blocks: Block[]
): Promise<Buffer<ArrayBuffer>> {
  const source = async function* () {
    yield* blocks;
  };
  return Buffer.concat(await Array.fromAsync(writeContainer(schema as AvroSchema, codec, source())));
}

/** A long as Avro writes it. */
export function long(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  return bytes.subarray(0, writeLong(value, bytes, 0));
}

/** Text or bytes with their length in front. */
export function sized(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([long(bytes.length), bytes]);
}

/** A file of one block, with that block repeated. */
export function repeated(file: Buffer<ArrayBuffer>, times: number): Buffer<ArrayBuffer> {
  const sync = file.subarray(-16);
  const start = file.indexOf(sync) + sync.length;
  return Buffer.concat([file.subarray(0, start), ...Array(times).fill(file.subarray(start))]);
}

/** A record schema with these fields. */
export const record = (fields: Record<string, unknown>, name = "jobs") => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
});

/** Small files that claim to be enormous, in their data or their schema; each with the text of its refusal. */
export async function hostileAvro(): Promise<Record<string, [bytes: Buffer<ArrayBuffer>, says: RegExp]>> {
  const header = (...entries: Buffer[]) => Buffer.concat([Buffer.from("Obj\x01"), ...entries, Buffer.alloc(40)]);
  const plain = { id: "int", job: "string" };
  const row = Buffer.concat([long(1), sized("Clerk")]);
  const one = (more: object, ...data: Buffer[]) =>
    containerOf(record({ ...plain, ...more }), "null", { count: 1, data: Buffer.concat([row, ...data]) });
  const array = (items: unknown) => ({ list: { type: "array", items } });
  const billion = Buffer.concat([long(1_000_000_000), long(0)]);
  const values = /more than 10000 values/;
  // Each level has ten fields of the level below: 10^30 values without any bytes.
  const levels = Array.from({ length: 30 }, (_, level) => ({
    name: `f${level}`,
    type: record(
      Object.fromEntries([..."abcdefghij"].map((key) => [key, level ? `r${level - 1}` : "null"])),
      `r${level}`,
    ),
  }));
  let deep: unknown = "int";
  for (let level = 0; level < 10_000; level++) deep = { type: "array", items: deep };
  return {
    "a header of 2^40 entries": [header(long(2 ** 40)), /header has more than 1000 entries/],
    "a header of 10^8 entries, counted backwards": [header(long(-100_000_000), long(5)), /more than 1000 entries/],
    "a header whose map is cut": [header(long(2), sized("avro.codec"), sized("null")), /no record schema|cut off/],
    "a header with a text of 2^45 bytes": [header(long(1), long(2 ** 45)), /impossible length/],
    "a list of 10^9 nulls": [await one(array("null"), billion), values],
    "a list of -10^9 nulls": [await one(array("null"), long(-1_000_000_000), long(1), long(0)), values],
    "a list of 10^9 empty records": [await one(array(record({}, "empty")), billion), values],
    "a list of 10^9 fixed of no bytes": [await one(array({ type: "fixed", name: "f", size: 0 }), billion), values],
    "a map of 10^9 nulls": [await one({ map: { type: "map", values: "null" } }, billion), values],
    "a list of 2^62 items": [await one(array("int"), Buffer.from("80808080808080808001", "hex")), /impossible count/],
    "a text of 2^31 bytes": [await one({ more: "string" }, long(2 ** 31)), /a record is longer than \d+ bytes/],
    "a record inside itself without end": [await one({ me: record({ me: "me" }, "me") }), /nested deeper than 64/],
    "types that name each other": [await one(Object.fromEntries(levels.map(({ name, type }) => [name, type]))), values],
    "a schema of 20000 fields": [
      await one(Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`f${at}`, "null"]))),
      /more than 5000 types/,
    ],
    "a schema that nests 10000 lists": [await one({ deep }), /nested deeper than 64 levels/],
    "a union of 20000 types": [await one({ union: Array(20_000).fill("null") }), /more than 5000 types/],
    "more records than bytes": [
      await containerOf(record(plain), "null", { count: 1e9, data: Buffer.alloc(0) }),
      /goes on after the end of its block/,
    ],
  };
}

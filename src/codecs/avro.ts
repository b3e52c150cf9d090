/** A table in Avro (specification 1.11): makes its schema, writes its rows as records, and reads records as rows. */
import { type Schema, Type, types } from "avsc";
import * as dictionary from "../db/schema.ts";
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";
import type { Cursor } from "./avro-cursor.ts";
import { type FieldReader, fieldReaders } from "./avro-reader.ts";
import type { AvroForm, Fault, SqlValue } from "./codec.ts";
import type { Column, Row, Table } from "./tables.ts";

export interface AvroField {
  name: string;
  type: unknown;
  doc?: string;
  aliases?: string[];
  default?: unknown;
}

export interface AvroSchema {
  type: "record";
  name: string;
  doc?: string;
  aliases?: string[];
  fields: AvroField[];
}

/** The notes that the schema module can export besides its tables. The keys are `table` or `table.column`. */
interface Remarks {
  doc?: Record<string, string>;
  aliases?: Record<string, string[]>;
}

/** The Avro schema of a table: a record whose fields are its columns, in order. */
export function avroSchema(table: Table, remarks: Remarks = dictionary as Remarks): AvroSchema {
  return {
    type: "record",
    name: table.name,
    ...remarkOn(table.name, remarks),
    fields: table.columns.map((column) => ({
      name: column.name,
      type: fieldType(column),
      ...remarkOn(`${table.name}.${column.name}`, remarks),
      ...defaultOf(column),
    })),
  };
}

/** Writes a row at `position`. Returns the position after it, or minus the number of bytes that the buffer lacks. */
export type EncodeRow = (row: Row, buffer: Buffer, position: number) => number;

/** Makes the encoder of a table's rows as records of avroSchema(table). */
export function recordEncoder(table: Table): EncodeRow {
  const type = typeOf(avroSchema(table));
  const { columns } = table;
  return (row, buffer, position) => {
    const record: Record<string, unknown> = {};
    for (const [index, column] of columns.entries()) {
      const value = row[index] ?? null;
      record[column.name] = value === null ? null : column.codec.avro.write(value);
    }
    return type.encode(record, buffer, position);
  };
}

/** Reads the record at the cursor. Returns the row's values, with a Fault for each value that breaks the present rules. */
export type DecodeRow = (from: Cursor) => (SqlValue | Fault)[];

/**
 * Makes the decoder of a table's backup. If the table's schema has changed since the backup, the decoder converts records of
 * the old schema to the present one (specification, Schema Resolution).
 * @param written the schema that the file was written with
 * @throws MusterError `backup_damaged` if the schema is another table's, `refused` with the field's name if a field cannot be
 * converted
 */
export function recordDecoder(table: Table, written: AvroSchema): DecodeRow {
  const readers = fieldReaders(written);
  const present = avroSchema(table);
  if (![present.name, ...(present.aliases ?? [])].includes(written.name)) {
    throw new MusterError("backup_damaged", `the file holds ${shown(written.name)} where ${table.name} is expected`);
  }
  const targets = new Map<string, number>();
  for (const [index, field] of present.fields.entries()) {
    const source = sourceOf(table, field, readers);
    if (source === undefined) continue;
    if (targets.has(source)) throw unresolvable(table, field.name, `another column is read from ${shown(source)} too`);
    targets.set(source, index);
  }
  const fields = readers.map((field) => {
    const index = targets.get(field.name);
    return { read: field.read, index, avro: index === undefined ? undefined : table.columns[index]?.codec.avro };
  });
  const missing = table.columns.map(({ fallback }) => fallback);
  return (from) => {
    from.beginRecord(fields.length);
    const row: (SqlValue | Fault)[] = missing.slice();
    for (const { read, index, avro } of fields) {
      const value = read(from);
      if (index !== undefined && avro) row[index] = value === null ? null : avro.read(value);
    }
    return row;
  };
}

function fieldType(column: Column): unknown {
  const { type } = column.codec.avro;
  if (!column.nullable) return type;
  return isNullFirst(column) ? ["null", type] : [type, "null"];
}

/**
 * Whether null is the first branch of a nullable column's type. A field's default must have the type of the first branch
 * (specification, Unions).
 */
export const isNullFirst = ({ fallback }: Column) => fallback === null;

function defaultOf({ codec, nullable, required, fallback }: Column): { default?: unknown } {
  if (required) return {};
  if (fallback === null) return nullable ? { default: null } : {};
  const value = codec.avro.write(fallback);
  // In a schema, the default of a bytes field is text with one character for each byte.
  return { default: Buffer.isBuffer(value) ? value.toString("latin1") : value };
}

function remarkOn(subject: string, { doc, aliases }: Remarks): { doc?: string; aliases?: string[] } {
  const [text, names] = [doc?.[subject], aliases?.[subject]];
  return { ...(text && { doc: text }), ...(names && { aliases: names }) };
}

/** Makes avsc's type for a schema. It takes and gives the values that columns write and read. */
export function typeOf(schema: AvroSchema | AvroForm["type"]): Type {
  // A JavaScript number is exact only to 2^53, so larger longs are text.
  const registry = JSON.stringify(schema).includes('"long"') ? { long: exactLong } : {};
  return Type.forSchema(withPlainLongs(schema) as Schema, { omitRecordMethods: true, wrapUnions: "never", registry });
}

/** For a long with a logical type avsc would not take the long of the registry. */
const withPlainLongs = (schema: AvroSchema | AvroForm["type"]): unknown =>
  JSON.parse(JSON.stringify(schema), (_, value) =>
    value?.type === "long" && value.logicalType !== undefined ? "long" : value,
  );

/** A long that loses no digit: a number up to 2^53, beyond it the digits as text. */
export const exactLong = types.LongType.__with({
  fromBuffer(buffer: Buffer) {
    const value = buffer.readBigInt64LE();
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  },
  toBuffer(value: number | string) {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(BigInt(value));
    return buffer;
  },
  fromJSON: (value: number) => value,
  toJSON: (value: number) => value,
  isValid: (value: unknown) => Number.isSafeInteger(value) || typeof value === "string",
  compare: (a: number | string, b: number | string) => (BigInt(a) < BigInt(b) ? -1 : Number(BigInt(a) > BigInt(b))),
});

/** Finds the field of the file that a present field is read from. Undefined if there is none, so that its default is used. */
function sourceOf(table: Table, field: AvroField, written: readonly FieldReader[]): string | undefined {
  const names = [field.name, ...(field.aliases ?? [])];
  const theirs = written.find(({ name }) => names.includes(name));
  if (!theirs) {
    if ("default" in field) return undefined;
    throw unresolvable(table, field.name, "the backup does not have it, and it has no default");
  }
  if (canRead(field.type, theirs.type)) return theirs.name;
  const [before, now] = [theirs.type, field.type].map((type) => JSON.stringify(type).slice(0, TYPE_CHARACTERS_MAX));
  throw unresolvable(table, field.name, `the backup has it as ${before}, now it is ${now}`);
}

/** How much of a type a message shows. */
const TYPE_CHARACTERS_MAX = 200;

/** Whether values of the type `writer` can be read as `reader`. avsc is asked for each field, so that an error can name it. */
function canRead(reader: unknown, writer: unknown): boolean {
  const field = (type: unknown) => typeOf({ type: "record", name: "field", fields: [{ name: "value", type }] });
  // The specification ignores the logical type here. But without this check, days would be read as milliseconds.
  if (logicalTypeOf(reader) !== logicalTypeOf(writer)) return false;
  try {
    field(reader).createResolver(field(writer));
    return true;
  } catch {
    return false;
  }
}

function logicalTypeOf(type: unknown): string {
  if (Array.isArray(type)) return type.map(logicalTypeOf).join("");
  if (typeof type !== "object" || type === null) return "";
  const { logicalType, scale } = type as { logicalType?: string; scale?: number };
  // A decimal's scale changes what its bytes mean; its precision does not.
  return logicalType === undefined ? "" : `${logicalType} ${scale ?? ""}`;
}

const unresolvable = (table: Table, field: string, why: string) =>
  new MusterError("refused", `the backup of ${table.name} cannot be read: ${field}: ${why}`);

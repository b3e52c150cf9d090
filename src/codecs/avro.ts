/** Tables as Avro records (Avro specification 1.11): the schema from the columns, and rows as binary records and back. */
import { type Schema, Type, types } from "avsc";
import * as dictionary from "../db/schema.ts";
import { MusterError } from "../errors.ts";
import type { AvroForm } from "./codec.ts";
import type { Fault, SqlValue } from "./columns.ts";
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

/** What the schema module may say beside its tables, under `table` or `table.column`. */
interface Remarks {
  doc?: Record<string, string>;
  aliases?: Record<string, string[]>;
}

/** The Avro schema of a table: a record whose fields are its columns, in their order and with their names. */
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

/**
 * Reads and writes one table's rows. A writer's schema of another time is resolved to the present one by the rules of
 * the specification (Schema Resolution).
 */
export interface RecordCodec {
  /** Writes a row at `position`; returns where it ends, or a negative number where the buffer is too short by that much. */
  encode(row: Row, buffer: Buffer, position: number): number;
  /** Reads the record at `position`; the row's values, or a Fault where one breaks the present rules. */
  decode(buffer: Buffer, position: number): { row: (SqlValue | Fault)[]; end: number };
}

/**
 * @param written the schema a file was written with; the present one where it is left out
 * @throws MusterError `backup_damaged` for another table's schema, `refused` with the field's name where it cannot be resolved
 */
export function recordCodec(table: Table, written?: AvroSchema): RecordCodec {
  const schema = avroSchema(table);
  const type = typeOf(schema);
  const resolver = written ? resolverOf(table, type, schema, written) : undefined;
  const { columns } = table;
  return {
    encode(row, buffer, position) {
      const record: Record<string, unknown> = {};
      for (const [index, column] of columns.entries()) {
        const value = row[index] ?? null;
        record[column.name] = value === null ? null : column.codec.avro.write(value);
      }
      return type.encode(record, buffer, position);
    },
    decode(buffer, position) {
      const { value, offset } = type.decode(buffer, position, resolver) as { value: object; offset: number };
      const record = value as Record<string, unknown>;
      const row = columns.map((column) => {
        const field = record[column.name];
        return field === null || field === undefined ? null : column.codec.avro.read(field);
      });
      return { row, end: offset };
    },
  };
}

function fieldType(column: Column): unknown {
  const { type } = column.codec.avro;
  if (!column.nullable) return type;
  return isNullFirst(column) ? ["null", type] : [type, "null"];
}

/** The default must be of the first branch. */
export const isNullFirst = ({ fallback }: Column) => fallback === null;

function defaultOf({ codec, nullable, required, fallback }: Column): { default?: unknown } {
  if (required) return {};
  if (fallback === null) return nullable ? { default: null } : {};
  const value = codec.avro.write(fallback);
  // Bytes stand in a schema as text with one character for each byte.
  return { default: Buffer.isBuffer(value) ? value.toString("latin1") : value };
}

function remarkOn(subject: string, { doc, aliases }: Remarks): { doc?: string; aliases?: string[] } {
  const [text, names] = [doc?.[subject], aliases?.[subject]];
  return { ...(text && { doc: text }), ...(names && { aliases: names }) };
}

/** The library's type of a schema whose values are those that columns write and read. */
export function typeOf(schema: AvroSchema | AvroForm["type"]): Type {
  // A JavaScript number is exact to 2^53: longs beyond it come and go as text.
  const registry = JSON.stringify(schema).includes('"long"') ? { long: exactLong } : {};
  return Type.forSchema(schema as Schema, { omitRecordMethods: true, wrapUnions: "never", registry });
}

/** A long of which no digit is lost: a number, or its digits where it is past 2^53. */
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

function resolverOf(
  table: Table,
  type: Type,
  schema: AvroSchema,
  written: AvroSchema,
): ReturnType<Type["createResolver"]> {
  if (written.type !== "record" || ![schema.name, ...(schema.aliases ?? [])].includes(written.name)) {
    throw new MusterError("backup_damaged", `the file holds ${written.name} where ${table.name} is expected`);
  }
  for (const field of schema.fields) {
    const names = [field.name, ...(field.aliases ?? [])];
    const theirs = written.fields.find((each) => names.includes(each.name));
    if (!theirs && !("default" in field))
      throw unresolvable(table, field.name, "the backup does not have it, and it has no default");
    if (theirs && !canRead(field.type, theirs.type)) {
      throw unresolvable(
        table,
        field.name,
        `the backup has it as ${JSON.stringify(theirs.type)}, now it is ${JSON.stringify(field.type)}`,
      );
    }
  }
  return type.createResolver(typeOf(written));
}

/** Whether one field's values can be read as another's, asked of the library on the field alone so that it can be named. */
function canRead(reader: unknown, writer: unknown): boolean {
  const field = (type: unknown) => typeOf({ type: "record", name: "field", fields: [{ name: "value", type }] });
  // The specification ignores a logical type that differs, which would make hours of days.
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
  // A decimal's scale says what its bytes mean; its precision only how many may come.
  return logicalType === undefined ? "" : `${logicalType} ${scale ?? ""}`;
}

const unresolvable = (table: Table, field: string, why: string) =>
  new MusterError("refused", `the backup of ${table.name} cannot be read: ${field}: ${why}`);

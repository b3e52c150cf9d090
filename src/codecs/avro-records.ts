/** Reads the records of any Avro container as JSON values, so that the rules of JSON rows can judge them. */
import { ROWS_PER_BATCH } from "../event-loop.ts";
import { recordsOf } from "./avro-blocks.ts";
import { readContainer } from "./avro-container.ts";
import type { Cursor } from "./avro-cursor.ts";
import { type FieldReader, fieldReaders, type LogicalTypes, setOwn } from "./avro-reader.ts";
import { RECORD_BYTES_MAX } from "./codec.ts";
import { isoDay, isoInstant } from "./epoch.ts";
import { decimalDigits } from "./numbers.ts";
import { timeText } from "./time-of-day.ts";

/**
 * Reads a container to its exact end, in batches bounded by rows, bytes and values. A number past 2^53 becomes its digits as
 * text, and so does a decimal. Timestamps and dates become ISO 8601. Bytes become a Uint8Array. Text that is not UTF-8 becomes
 * INVALID_UTF8.
 * @param bytesMax how many bytes all its blocks together may unpack to
 * @throws MusterError `backup_damaged` if the file breaks the specification, `refused` if Muster does not read its codec or if
 * it unpacks to more than `bytesMax`
 */
export async function* readRecords(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax?: number,
): AsyncGenerator<Record<string, unknown>[]> {
  const { schema, blocks } = await readContainer(chunks, bytesMax);
  const fields = fieldReaders(schema, LOGICAL_TYPES);
  for await (const block of blocks) yield* recordsOf(block, LIMITS, (from) => recordOf(fields, from));
}

const LIMITS = { rowsMax: ROWS_PER_BATCH, bytesMax: RECORD_BYTES_MAX };

function recordOf(fields: readonly FieldReader[], from: Cursor): Record<string, unknown> {
  from.beginRecord(fields.length);
  const record = {};
  for (const { name, read } of fields) setOwn(record, name, read(from));
  return record;
}

/** Makes a converter from units since 1970 to ISO 8601. It leaves a value of the wrong type as it is. */
const timestamp = (decimals: number) => (value: unknown) =>
  isWhole(value) || isDigits(value) ? isoInstant(BigInt(value), decimals) : value;

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

const isDigits = (value: unknown): value is string => typeof value === "string" && /^-?\d+$/.test(value);

const LOGICAL_TYPES: LogicalTypes = {
  "timestamp-millis": timestamp(3),
  "timestamp-micros": timestamp(6),
  "timestamp-nanos": timestamp(9),
  "time-millis": (value) => (isWhole(value) ? timeText(value * 1000) : value),
  "time-micros": (value) => (isWhole(value) ? timeText(value) : value),
  date: (value) => (isWhole(value) ? isoDay(value) : value),
  decimal: (value, scale) => (value instanceof Uint8Array ? decimalDigits(value, scale) : value),
};

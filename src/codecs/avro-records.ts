/** The records of an Avro container of any schema, as JSON would have them, so that the rules of JSON rows judge them. */
import { ROWS_PER_BATCH } from "../event-loop.ts";
import { recordsOf } from "./avro-blocks.ts";
import { readContainer } from "./avro-container.ts";
import type { Cursor } from "./avro-cursor.ts";
import { type FieldReader, fieldReaders, type LogicalTypes, setOwn } from "./avro-reader.ts";
import { RECORD_BYTES_MAX } from "./codec.ts";
import { decimalDigits } from "./numbers.ts";

/**
 * Reads a container to its exact end, in batches that are bounded by rows, bytes and values. A number past 2^53 comes as
 * text, timestamps and dates as ISO 8601, decimals as digits, bytes as a Uint8Array, and text whose bytes are not UTF-8 as
 * a lone surrogate, which no column accepts.
 * @param bytesMax of what its blocks unpack to, all together
 * @throws MusterError `backup_damaged` for whatever is not as the specification has it, `refused` over `bytesMax`
 */
export async function* readRecords(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax?: number,
): AsyncGenerator<Record<string, unknown>[]> {
  const { schema, blocks } = await readContainer(chunks, bytesMax);
  const fields = fieldReaders(schema, LOGICAL_TYPES);
  for await (const block of blocks) yield* recordsOf(block, LIMITS, (from) => recordOf(fields, from));
}

/** As long as a row of CSV may be. A record takes several times its size until it is judged. */
const LIMITS = { rowsMax: ROWS_PER_BATCH, bytesMax: RECORD_BYTES_MAX };

function recordOf(fields: readonly FieldReader[], from: Cursor): Record<string, unknown> {
  from.beginRecord(fields.length);
  const record = {};
  for (const { name, read } of fields) setOwn(record, name, read(from));
  return record;
}

/** A time as ISO 8601; a value of another type than the specification's is left as it is. */
const timestamp = (decimals: number) => (value: unknown) =>
  isWhole(value) || isDigits(value) ? isoOf(BigInt(value), decimals) : value;

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

const isDigits = (value: unknown): value is string => typeof value === "string" && /^-?\d+$/.test(value);

const LOGICAL_TYPES: LogicalTypes = {
  "timestamp-millis": timestamp(3),
  "timestamp-micros": timestamp(6),
  "timestamp-nanos": timestamp(9),
  date: (value) => (isWhole(value) ? isoOf(BigInt(value) * DAY_MS, 3).replace("T00:00:00.000Z", "") : value),
  decimal: (value, scale) => (value instanceof Uint8Array ? decimalDigits(value, scale) : value),
};

const DAY_MS = 86_400_000n;
/** What a Date holds, either way. */
const DATE_MS_MAX = 8_640_000_000_000_000n;

/** ISO 8601 of a time since 1970, with as many decimals of a second as it needs, but at least three. */
function isoOf(units: bigint, decimals: number): string {
  const perMs = 10n ** BigInt(decimals - 3);
  const rest = ((units % perMs) + perMs) % perMs;
  const ms = (units - rest) / perMs;
  if (ms > DATE_MS_MAX || ms < -DATE_MS_MAX) return `${units}`;
  const iso = new Date(Number(ms)).toISOString();
  return rest === 0n ? iso : `${iso.slice(0, -1)}${String(rest).padStart(decimals - 3, "0")}Z`;
}

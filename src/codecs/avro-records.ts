/** The records of an Avro container of any schema, as JSON would have them, so that the rules of JSON rows judge them. */
import { type Schema, Type, types } from "avsc";
import { type AvroSchema, exactLong } from "./avro.ts";
import { damaged, readContainer } from "./avro-container.ts";
import { INVALID_UTF8 } from "./csv-parser.ts";
import { decimalDigits } from "./numbers.ts";

/** Records that are handed on at once: a container's block may have millions. */
const RECORDS_PER_BLOCK = 5_000;

/**
 * Reads a container to its exact end. A number past 2^53 comes as text, timestamps and dates as ISO 8601, decimals as
 * digits, and text whose bytes are not UTF-8 as a lone surrogate, which no column accepts.
 * @throws MusterError `backup_damaged` for whatever is not as the specification has it
 */
export async function* readRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Record<string, unknown>[]> {
  const { schema, blocks } = await readContainer(chunks);
  const type = typeOf(schema);
  for await (const { count, data } of blocks) {
    let records: Record<string, unknown>[] = [];
    let position = 0;
    for (let index = 0; index < count; index++) {
      const { record, end } = recordAt(type, data, position);
      records.push(record);
      position = end;
      if (records.length < RECORDS_PER_BLOCK) continue;
      yield records;
      records = [];
    }
    if (position !== data.length) throw damaged("a block has more than its records");
    yield records;
  }
}

function recordAt(type: Type, data: Buffer, position: number): { record: Record<string, unknown>; end: number } {
  let decoded: { value: object; offset: number };
  try {
    decoded = type.decode(data, position) as typeof decoded;
  } catch {
    throw damaged("a record cannot be read");
  }
  const { value, offset: end } = decoded;
  if (end < 0 || end > data.length) throw damaged("a record goes on behind its block");
  const record: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    record[name] = soundText(unwrapped(field), data.subarray(position, end));
  }
  return { record, end };
}

/** The library wraps a value of a union whose branches look alike, such as int and double. */
function unwrapped(value: unknown): unknown {
  const isWrapped = typeof value === "object" && value !== null && "unwrap" in value;
  return isWrapped && typeof value.unwrap === "function" ? value.unwrap() : value;
}

/** The library puts U+FFFD in the place of bytes that are not UTF-8. Text that has one by right is in the bytes. */
function soundText(value: unknown, bytes: Buffer): unknown {
  if (typeof value !== "string" || !value.includes("\uFFFD")) return value;
  return bytes.includes(value) ? value : INVALID_UTF8;
}

function typeOf(schema: AvroSchema): Type {
  try {
    const options = { omitRecordMethods: true, logicalTypes: LOGICAL_TYPES, typeHook: longAsExact };
    return Type.forSchema(schema as Schema, options);
  } catch {
    throw damaged("its schema cannot be used");
  }
}

function longAsExact(schema: Schema): Type | undefined {
  const { type, logicalType = "" } = schema as { type?: unknown; logicalType?: string };
  return type === "long" && !Object.hasOwn(LOGICAL_TYPES, logicalType) ? exactLong : undefined;
}

/** A logical type's value in JSON; a value of another type than the specification's is left as it is. */
function logicalType(toJson: (value: unknown, scale: number) => unknown) {
  return class extends types.LogicalType {
    private readonly scale: number;

    constructor(schema: Schema, options?: object) {
      // So that what lies under it is seen as a plain long.
      super({ ...(schema as object), logicalType: undefined } as unknown as Schema, options);
      this.scale = (schema as { scale?: number }).scale ?? 0;
    }

    protected override _fromValue(value: unknown): unknown {
      return toJson(value, this.scale);
    }

    protected override _toValue(): unknown {
      return undefined;
    }
  };
}

const timestamp = (decimals: number) =>
  logicalType((value) => (typeof value === "number" || isDigits(value) ? isoOf(BigInt(value), decimals) : value));

const isDigits = (value: unknown): value is string => typeof value === "string" && /^-?\d+$/.test(value);

const LOGICAL_TYPES = {
  "timestamp-millis": timestamp(3),
  "timestamp-micros": timestamp(6),
  "timestamp-nanos": timestamp(9),
  date: logicalType((value) =>
    typeof value === "number" ? isoOf(BigInt(value) * DAY_MS, 3).replace("T00:00:00.000Z", "") : value,
  ),
  decimal: logicalType((value, scale) => (Buffer.isBuffer(value) ? decimalDigits(value, scale) : value)),
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

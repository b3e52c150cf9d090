/** The codecs of DATETIME and TIMESTAMP. */
import { z } from "zod";
import { shown } from "../shown.ts";
import { copyInstant } from "./avro-bytes.ts";
import { type AvroForm, type ColumnCodec, Fault, wrongType } from "./codec.ts";
import {
  instant,
  mayBeZeroDate,
  microsecondsOf,
  millisecondsOf,
  readInstant,
  readUtcInstant,
  wholeSecond,
} from "./datetime.ts";
import { isoInstant } from "./epoch.ts";
import { copyJsonInstant } from "./text-to-json.ts";

/** @param decimals how many decimals of a second the column keeps */
export function datetime(decimals: number): ColumnCodec {
  const length = decimals === 0 ? 19 : 20 + decimals;
  return {
    fromJson: (value) =>
      typeof value === "string" ? readInstant(value, decimals) : wrongType("an instant as text", value),
    fromCsv: (cell) => readInstant(cell, decimals),
    fromBytes: (bytes, start, end) => readUtcInstant(bytes, start, end, length),
    mayBreak: mayBeZeroDate,
    fromSql(value) {
      const sent = value instanceof Date ? value.toISOString().slice(0, 23).replace("T", " ") : String(value);
      if (sent.length === length) return sent;
      // The binary protocol omits decimals that are zero.
      return `${sent}${sent.length === 19 ? "." : ""}`.padEnd(length, "0").slice(0, length);
    },
    toJson: (value) => instant(String(value)),
    copyJson: copyJsonInstant,
    toCsv: (value) => instant(String(value)),
    schema: z.iso.datetime({ offset: true }),
    avro: avroInstant(decimals),
  };
}

/** Milliseconds if they are enough, else microseconds, which are exact to 64 bits. */
function avroInstant(decimals: number): AvroForm {
  if (decimals <= 3)
    return {
      type: { type: "long", logicalType: "timestamp-millis" },
      write: (value) => millisecondsOf(String(value)),
      read: (value) => wholeSecond(Number(value) / 1000, decimals) ?? readInstant(isoOf(Number(value)), decimals),
      copy: copyInstant,
    };
  return {
    type: { type: "long", logicalType: "timestamp-micros" },
    write: (value) => microsecondsOf(String(value)),
    read: (value) => readInstant(isoInstant(BigInt(value as number | string), 6), decimals),
  };
}

/** TIMESTAMP. The server keeps seconds since 1970 in 32 bits, and shows them in the zone of the connection, which is UTC. */
export function timestamp(decimals: number): ColumnCodec {
  const codec = datetime(decimals);
  const fits = (stored: unknown) => String(stored) >= "1970-01-01 00:00:01" && String(stored) < "2038-01-19 03:14:08";
  const within = <T>(value: T, sent: unknown): T | Fault =>
    value instanceof Fault || fits(value)
      ? value
      : new Fault("out_of_range", `must be from 1970-01-01T00:00:01Z to 2038-01-19T03:14:07Z, not ${shown(sent)}`);
  return {
    ...codec,
    // Newer MariaDB keeps timestamps up to 2106.
    mayBreak: (text, start) => mayBeZeroDate(text, start) || text[start] === TWO,
    fromJson: (value) => within(codec.fromJson(value), value),
    fromCsv: (cell) => within(codec.fromCsv(cell), cell),
    fromBytes(bytes, start, end) {
      const value = codec.fromBytes?.(bytes, start, end);
      return fits(value) ? value : undefined;
    },
    avro: { ...codec.avro, read: (value) => within(codec.avro.read(value), value) },
  };
}

const TWO = 50;

/** Milliseconds since 1970 as ISO 8601. A number that no Date can hold becomes text that no column accepts. */
export const isoOf = (ms: number) => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);

/** What a column's codec is: how the values of one column are read and written, and why a value is refused. */
import type { z } from "zod";
import type { ReasonCode } from "../db/ledger.ts";
import { escaped, shown } from "../shown.ts";

/** The most bytes of a CSV record, NDJSON line or Avro record. A longer one is refused, to bound what a reader holds. */
export const RECORD_BYTES_MAX = 1_048_576;

/**
 * A column's value as it is sent to MySQL and read from it; two values are equal if `===` says so.
 * int, double: number. bigint: number if it is a safe integer, else its digits. decimal: text with exactly the column's
 * scale. boolean and bit: 0 or 1. Bytes: base64. set: its members in their order, with commas. date: `YYYY-MM-DD`. datetime, timestamp:
 * `YYYY-MM-DD HH:MM:SS.mmm` with exactly the column's decimals, in UTC or in the zone that the schema names. time: `HH:MM:SS`
 * with the column's decimals. year: number. json: its one text (json-value.ts).
 */
export type SqlValue = string | number | null;

/** How the values of one column are read and written. Only fromSql, toJson and toCsv are given null. */
export interface ColumnCodec {
  /** Reads a JSON value that is neither null nor blank text. */
  fromJson(value: unknown): SqlValue | Fault;
  /** Reads a CSV cell that is not blank. */
  fromCsv(cell: string): SqlValue | Fault;
  /**
   * Reads the commonest form of a value straight from the bytes of a CSV cell or of the server's answer.
   * If it returns undefined, decode the text and call fromCsv or fromSql. A codec has no fromBytes if those are as fast.
   */
  fromBytes?(bytes: Uint8Array, start: number, end: number): SqlValue | undefined;
  /** Like fromBytes, for a CSV cell that is ASCII without quotes and control characters. */
  fromPlainBytes?(bytes: Buffer, start: number, end: number): SqlValue | undefined;
  /**
   * Whether text that the server sends could break the column's rules, by a quick look at its bytes. It may say yes for
   * good text, and never says no for text that breaks a rule. A codec has no mayBreak if no stored value can break a rule.
   */
  mayBreak?(text: Uint8Array, start: number, end: number): boolean;
  /**
   * The SQL by which the column is read, if the server's own text of its values will not do: bytes as base64, a FLOAT with
   * all its digits, JSON as text.
   */
  select?(column: string): string;
  /** The SQL that makes the value from its text in LOAD DATA, if the server would read the text otherwise. */
  load?(text: string): string;
  /** The value as the driver sends it in a statement. If it is left out, the value itself is sent. */
  toSql?(value: SqlValue): unknown;
  /** Reads what the driver answers (dates as text, big numbers as text), or what Drizzle's column mode makes of it. */
  fromSql(value: unknown): SqlValue;
  toJson(value: SqlValue): unknown;
  /** Writes the server's text as JSON text without decoding it. If it is left out, use fromSql and toJson. */
  copyJson?: CopyText;
  /** The text of a CSV cell, without the quotes that csvLine adds. */
  toCsv(value: SqlValue): string;
  /** The zod schema of the JSON form, for documents and typed clients. */
  schema: z.ZodType;
  avro: AvroForm;
}

/** A column in Avro (specification 1.11): its type there, and its values as avsc takes and gives them. */
export interface AvroForm {
  type:
    | string
    | { type: string; logicalType: string; precision?: number; scale?: number }
    | { type: "fixed"; name: string; size: number }
    | { type: "enum"; name: string; symbols: readonly string[] }
    | { type: "array"; items: string };
  write(value: SqlValue): unknown;
  /** How many times as long as the server's text the value can be in Avro. If it is left out: once. */
  growth?: number;
  read(value: unknown): SqlValue | Fault;
  /** Writes the server's text in this form without decoding it. If it is left out, use fromSql and write. */
  copy?: CopyText;
}

/** Converts `text` from `start` to `end`, and writes it into `out` at `position`. Returns the position after it. */
export type CopyText = (text: Buffer, start: number, end: number, out: Buffer, position: number) => number;

/** Why a value does not fit its column. The detail continues a sentence after the column's name: "must be a whole number". */
export class Fault {
  constructor(
    readonly code: ReasonCode,
    readonly detail: string,
  ) {}
}

/** Stands for text whose bytes are not UTF-8: a lone surrogate. UTF-8 never decodes to one, and no text column accepts it. */
export const INVALID_UTF8 = "\uD800";

export const NOT_UTF8 = new Fault(
  "invalid_text",
  "holds bytes that are not UTF-8 (or not of the encoding that was named): save it as UTF-8, or name its encoding",
);

export const wrongType = (wanted: string, value: unknown) =>
  new Fault("wrong_type", `must be ${wanted}, not ${shown(value)}`);

export const asItIs = (value: SqlValue) => value;

/** Whether text is empty or white space, as String.trim sees it. */
export function isBlank(text: string): boolean {
  const first = text.charCodeAt(0);
  return !(first > 32 && first < 128) && text.trim() === "";
}

/** A Fault if the text has an ASCII control character other than tab, line feed and carriage return. */
export function controlIn(text: string): Fault | undefined {
  const control = CONTROL.exec(text)?.[0];
  if (control === undefined) return undefined;
  return new Fault("invalid_text", `holds the control character ${escaped(control)}: remove it`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0B\x0C\x0E-\x1F]/;

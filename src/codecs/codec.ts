/** What the codec of a column is, and what it says of a value that does not fit. */
import type { z } from "zod";
import type { ReasonCode } from "../db/ledger.ts";
import { escaped, shown } from "../shown.ts";

/**
 * What a column's value is inside Muster: the form in which it is sent to MySQL, read from it, and compared by `===`.
 * int, double: number. bigint: number where it is a safe integer, else its digits. decimal: text with exactly the
 * column's scale. boolean: 0 or 1. date: `YYYY-MM-DD`. datetime: `YYYY-MM-DD HH:MM:SS.mmm` in UTC with exactly the
 * column's decimals.
 */
export type SqlValue = string | number | null;

/** How the values of one column are read and written. None of its functions but fromSql, toJson and toCsv takes null. */
export interface ColumnCodec {
  /** A JSON value that is neither null nor blank text. */
  fromJson(value: unknown): SqlValue | Fault;
  /** A CSV cell that is not blank. */
  fromCsv(cell: string): SqlValue | Fault;
  /**
   * The value of a CSV cell, or of what the server sends, in its commonest form, straight from its bytes, where that is
   * cheaper than by its text; undefined leaves it to fromCsv or fromSql.
   */
  fromBytes?(bytes: Uint8Array, start: number, end: number): SqlValue | undefined;
  /** The value of a CSV cell that is ASCII without quotes and control characters; undefined leaves it to fromCsv. */
  fromPlainBytes?(bytes: Buffer, start: number, end: number): SqlValue | undefined;
  /**
   * Whether the text that the server sends could break the column's rules, judged by a glance at its bytes. It may say yes
   * for sound text, and never says no for text that breaks one. Left out if no stored value can break a rule.
   */
  mayBreak?(text: Uint8Array, start: number, end: number): boolean;
  /** What the driver answers (dates as text, big numbers as text), or what Drizzle's column mode makes of it. */
  fromSql(value: unknown): SqlValue;
  toJson(value: SqlValue): unknown;
  /** Writes what the server sends as the text of its JSON, without making a value of it; left out, fromSql and toJson do. */
  copyJson?: CopyText;
  /** The cell's text, unquoted. */
  toCsv(value: SqlValue): string;
  /** The JSON form, for documents and typed clients. */
  schema: z.ZodType;
  avro: AvroForm;
}

/** A column in Avro (specification 1.11): its type there, and its values as avsc takes and gives them. */
export interface AvroForm {
  type: string | { type: string; logicalType: string; precision?: number; scale?: number };
  write(value: SqlValue): unknown;
  read(value: unknown): SqlValue | Fault;
  /** Writes what the server sends without making a value of it; where it is left out, fromSql and write do. */
  copy?: CopyText;
}

/** Writes what stands in `text` from `start` to `end` in the form of one Avro type; returns where it ends. */
export type CopyText = (text: Buffer, start: number, end: number, out: Buffer, position: number) => number;

/** Why a value does not fit its column. The detail goes on from the column's name: "must be a whole number". */
export class Fault {
  constructor(
    readonly code: ReasonCode,
    readonly detail: string,
  ) {}
}

export const wrongType = (wanted: string, value: unknown) =>
  new Fault("wrong_type", `must be ${wanted}, not ${shown(value)}`);

export const asItIs = (value: SqlValue) => value;

/** Nothing but white space, as String.trim sees it. */
export function isBlank(text: string): boolean {
  const first = text.charCodeAt(0);
  return !(first > 32 && first < 128) && text.trim() === "";
}

/** The fault of text with a control character of C0 other than tab, line feed and carriage return. */
export function controlIn(text: string): Fault | undefined {
  const control = CONTROL.exec(text)?.[0];
  if (control === undefined) return undefined;
  return new Fault("invalid_text", `holds the control character ${escaped(control)}: remove it`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0B\x0C\x0E-\x1F]/;

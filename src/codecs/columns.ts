/** One entry per column type: its JSON, CSV and SQL form (design section 2). TO BE WRITTEN. */
import type { z } from "zod";
import type { ReasonCode } from "../db/ledger.ts";

/** What a column's value is inside Muster: the form in which it is sent to MySQL, read from it, and compared. */
export type SqlValue = string | number | null;

/** Why a value does not fit its column. */
export class Fault {
  constructor(
    readonly code: ReasonCode,
    readonly detail: string,
  ) {}
}

export interface ColumnCodec {
  /** A JSON value that is neither null nor blank text. */
  fromJson(value: unknown): SqlValue | Fault;
  /** A CSV cell that is not blank. */
  fromCsv(cell: string): SqlValue | Fault;
  /** What the driver answers (dates as text, big numbers as text). */
  fromSql(value: unknown): SqlValue;
  toJson(value: SqlValue): unknown;
  /** The cell's text, unquoted. */
  toCsv(value: SqlValue): string;
  /** The JSON form, for documents and typed clients. */
  schema: z.ZodType;
}

/** Rows as JSON objects with the dictionary's keys. */
import { z } from "zod";
import type { Reason } from "../db/ledger.ts";
import { Fault, isBlank, type SqlValue } from "./codec.ts";
import { badValue, missingField, rowNotAnObject, unknownFields } from "./reasons.ts";
import type { Column, ReadRow, Row, Table } from "./tables.ts";

/**
 * Judges one row of a JSON body by its shape alone.
 * @param row what JSON.parse answered
 * @param options keyOptional: the id may be left out, and is then undefined in the values
 */
export function fromJson(table: Table, row: unknown, options: { keyOptional: boolean }): ReadRow {
  if (!isObject(row)) return { values: table.columns.map(() => undefined), reasons: [rowNotAnObject(table, row)] };
  const values: (SqlValue | undefined)[] = [];
  const reasons: Reason[] = [];
  let known = 0;
  for (const column of table.columns) {
    const present = Object.hasOwn(row, column.name);
    if (present) known++;
    const value = present ? row[column.name] : undefined;
    if (value === undefined || value === null || (typeof value === "string" && isBlank(value))) {
      values.push(column.isAssigned && options.keyOptional ? undefined : missing(column, reasons));
    } else {
      values.push(accepted(column, column.codec.fromJson(value), reasons));
    }
  }
  const names = Object.keys(row);
  if (names.length > known) {
    // A generated column may come with the row, as in an answer of this service. The server computes it again.
    const own = new Set(table.readable.map(({ name }) => name));
    reasons.push(
      ...unknownFields(
        table,
        names.filter((name) => !own.has(name)),
      ),
    );
  }
  return { values, reasons: reasons.length === 0 ? NO_REASONS : reasons };
}

/** All good rows share one list. A batch is kept until it is stored, and a list for each row would be kept with it. */
const NO_REASONS: readonly Reason[] = [];

/** Makes the JSON object of a stored row: a JsonRow of its table. */
export function toJson({ columns }: Table, row: Row): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  // Every row of every answer passes here, and entries() would take as long as the rest of this function.
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index];
    if (column) object[column.name] = column.codec.toJson(row[index] ?? null);
  }
  return object;
}

/** The zod schema of what toJson answers, for documents and typed clients. */
export function rowSchema(table: Table): z.ZodObject {
  return z.strictObject(
    Object.fromEntries(
      table.columns.map(({ name, codec, nullable }) => [name, nullable ? codec.schema.nullable() : codec.schema]),
    ),
  );
}

/** The zod schema of a row in a request, for documents. A field that may be left out may be null too. */
export function newRowSchema(table: Table): z.ZodObject {
  return z.strictObject(
    Object.fromEntries(
      table.columns.map(({ name, codec, isAssigned, required }) => [
        name,
        required && !isAssigned ? codec.schema : codec.schema.nullable().optional(),
      ]),
    ),
  );
}

/** Returns the fallback of a column that a row leaves out. If the column is required, adds a reason and returns undefined. */
export function missing(column: Column, reasons: Reason[]): SqlValue | undefined {
  if (!column.required) return absent(column);
  reasons.push(missingField(column));
  return undefined;
}

/** The value of a column that a row may leave out. It is undefined if the server assigns or computes it. */
export const absent = ({ isAssigned, serverDefault, fallback }: Column): SqlValue | undefined =>
  isAssigned || serverDefault !== undefined ? undefined : fallback;

/** Returns a value that a codec has read. If it is a Fault, adds a reason and returns undefined. */
export function accepted(column: Column, value: SqlValue | Fault, reasons: Reason[]): SqlValue | undefined {
  if (!(value instanceof Fault)) return value;
  reasons.push(badValue(column, value));
  return undefined;
}

/** Whether a JSON value is an object and not an array. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Rows as JSON objects with the dictionary's keys (design section 2). */
import { z } from "zod";
import type { Reason } from "../db/ledger.ts";
import { cut, shown } from "../shown.ts";
import { Fault, isBlank, type SqlValue } from "./codec.ts";
import type { Column, ReadRow, Row, Table } from "./tables.ts";

/** Unknown fields that are named one by one: a row of a megabyte can hold a hundred thousand. */
const UNKNOWN_FIELDS_MAX = 10;

/**
 * Judges one row of a JSON body by its shape alone.
 * @param row what JSON.parse answered
 * @param options keyOptional: a row without id is no fault, and its id is undefined
 */
export function fromJson(table: Table, row: unknown, options: { keyOptional: boolean }): ReadRow {
  const values: (SqlValue | undefined)[] = [];
  const reasons: Reason[] = [];
  if (!isObject(row)) {
    const detail = `a row must be an object with the fields of ${table.name}, not ${shown(row)}`;
    return { values: table.columns.map(() => undefined), reasons: [{ code: "wrong_type", detail }] };
  }
  let known = 0;
  for (const column of table.columns) {
    const present = Object.hasOwn(row, column.name);
    if (present) known++;
    const value = present ? row[column.name] : undefined;
    if (value === undefined || value === null || (typeof value === "string" && isBlank(value))) {
      values.push(column.isKey && options.keyOptional ? undefined : missing(column, reasons));
    } else {
      values.push(accepted(column, column.codec.fromJson(value), reasons));
    }
  }
  const names = Object.keys(row);
  if (names.length > known) reasons.push(...unknownFields(table, names));
  return { values, reasons };
}

/** The object of a stored row: a JsonRow of its table. */
export function toJson({ columns }: Table, row: Row): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  // Not by entries(), which takes as long as all the rest: every row of every answer passes here.
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

/** The zod schema of a row that is sent, for documents: what may be left out may be null too. */
export function newRowSchema(table: Table): z.ZodObject {
  return z.strictObject(
    Object.fromEntries(
      table.columns.map(({ name, codec, isKey, required }) => [
        name,
        required && !isKey ? codec.schema : codec.schema.nullable().optional(),
      ]),
    ),
  );
}

/** The value for a missing one: the column's fallback, or undefined and a reason. */
export function missing(column: Column, reasons: Reason[]): SqlValue | undefined {
  if (!column.required) return column.fallback;
  reasons.push({ code: "missing", field: column.name, detail: `${column.name} is required and is missing` });
  return undefined;
}

/** A codec's verdict: the value, or undefined and a reason that begins with the column's name. */
export function accepted(column: Column, value: SqlValue | Fault, reasons: Reason[]): SqlValue | undefined {
  if (!(value instanceof Fault)) return value;
  reasons.push({ code: value.code, field: column.name, detail: `${column.name} ${value.detail}` });
  return undefined;
}

/** Whether a value of JSON is an object, and no list. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function unknownFields(table: Table, names: readonly string[]): Reason[] {
  const own = new Set(table.columns.map((column) => column.name));
  const unknown = names.filter((name) => !own.has(name));
  const named = unknown.slice(0, UNKNOWN_FIELDS_MAX);
  const reasons: Reason[] = named.map((name) => ({
    code: "unknown_field",
    field: cut(name).toWellFormed(),
    detail: `${table.name} has no field ${shown(name)}`,
  }));
  const more = unknown.length - named.length;
  if (more > 0) reasons.push({ code: "unknown_field", detail: `${more} more fields are unknown` });
  return reasons;
}

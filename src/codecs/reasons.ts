/** Every reason for which a row can be refused: its code, the field at fault if there is one, and the sentence about it. */
import type { Reason } from "../db/ledger.ts";
import type { Refusal } from "../db/refusal.ts";
import { cut, shown } from "../shown.ts";
import { type Fault, NOT_UTF8, RECORD_BYTES_MAX, type SqlValue } from "./codec.ts";
import type { Column, Reference, Table, Unique } from "./tables.ts";

/** How many unknown fields are named one by one. A row of a megabyte can hold a hundred thousand. */
const UNKNOWN_FIELDS_MAX = 10;

/** A value that its column does not accept. */
export const badValue = ({ name }: Column, { code, detail }: Fault): Reason => ({
  code,
  field: name,
  detail: `${name} ${detail}`,
});

export const missingField = ({ name }: Column): Reason => ({
  code: "missing",
  field: name,
  detail: `${name} is required and is missing`,
});

/** A row that is at fault as a whole. */
export const badRow = ({ code, detail }: Fault): Reason => ({ code, detail: `the row ${detail}` });

export const rowNotUtf8 = badRow(NOT_UTF8);

export const rowTooLong: Reason = { code: "too_long", detail: `the row has more than ${RECORD_BYTES_MAX} bytes` };

export const malformedCsv = (detail: string): Reason => ({ code: "malformed_csv", detail });

/** @param wanted how many fields a row must have, and what says so; undefined if the table alone does */
export function wrongFieldCount(
  { name, columns }: Table,
  count: number,
  { fields, by }: { fields: number; by: string } = { fields: columns.length, by: name },
): Reason {
  const wanted = `${by} has ${fields} fields`;
  return { code: "wrong_field_count", detail: `${wanted}, and this row has ${count}` };
}

/** A row that has a value after the delimiter that ends each row. */
export const valueAfterLast = (cell: string): Reason => ({
  code: "wrong_field_count",
  detail: `each row ends in a delimiter, and this row has ${shown(cell)} after it`,
});

export const rowNotJson = (detail: string): Reason => ({ code: "wrong_type", detail });

export const rowNotAnObject = ({ name }: Table, row: unknown): Reason => ({
  code: "wrong_type",
  detail: `a row must be an object with the fields of ${name}, not ${shown(row)}`,
});

/** @param fields the keys of a row that are not columns */
export function unknownFields({ name }: Table, fields: readonly string[]): Reason[] {
  const reasons = fields
    .slice(0, UNKNOWN_FIELDS_MAX)
    .map((field) => unexpected(field, `${name} has no field ${shown(field)}`));
  const more = fields.length - reasons.length;
  return more > 0 ? [...reasons, { code: "unknown_field", detail: `${more} more fields are unknown` }] : reasons;
}

/** A key that occurs twice in one JSON object. JSON.parse keeps only the last value, and Muster does not choose. */
export const repeatedField = (field: string): Reason => unexpected(field, `${shown(field)} is given twice`);

/** An id in a row whose ids the database assigns, by the recipe of its file. */
export const assignedId = (field: string): Reason =>
  unexpected(field, `${shown(field)} is given, but the database assigns ids: tell the recipe to ignore it`);

const unexpected = (field: string, detail: string): Reason => ({
  code: "unknown_field",
  field: cut(field).toWellFormed(),
  detail,
});

export const duplicateId = (table: Table, id: SqlValue | undefined): Reason => ({
  code: "duplicate_id",
  field: fieldsOf(table, table.key),
  detail: `${keyName(table)} ${id} is taken by a row with other values`,
});

export const unknownReference = (
  table: Table,
  { columns, parent, parentColumns }: Reference,
  id: SqlValue,
): Reason => ({
  code: "unknown_reference",
  field: fieldsOf(table, columns),
  detail: `${parent.name} has no ${fieldsOf(parent, parentColumns)} ${id}`,
});

/**
 * A unique value that another row has.
 * @param other which row: `stored under id 5`, `in row 3 of this request`
 */
export const duplicateValue = (table: Table, { columns }: Unique, other: string): Reason => ({
  code: "duplicate_value",
  field: fieldsOf(table, columns),
  detail: `${fieldsOf(table, columns)} must be unique, and the same value is ${other}`,
});

/** Names of columns, as the field of a reason. */
const fieldsOf = ({ columns }: Table, indices: readonly number[]): string =>
  indices.map((index) => columns[index]?.name).join(",");

const keyName = (table: Table) => fieldsOf(table, table.key);

/** A row without a parent by a foreign key that src/db/schema.ts does not declare. @param name of the foreign key */
export const noParent = ({ name }: { name: string }): Reason => ({
  code: "refused_by_database",
  detail: `the database refuses the row: the foreign key ${shown(name)} has no such parent`,
});

export const refusedByDatabase = ({ reason }: Refusal): Reason => ({
  code: "refused_by_database",
  detail: `the database refuses the row: ${reason}`,
});

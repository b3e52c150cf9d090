/** Judges rows against the rows that are known: do the rows they refer to exist, and is their id free? */
import { duplicateId, unknownReference } from "../codecs/reasons.ts";
import { numberKeyOf, type ReadRow, type Reference, type Row, sameRow, type Table } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";

/** What is to become of a row. A new row can be stored; an unchanged row is stored already. */
export type Verdict =
  | { readonly is: "new" }
  | { readonly is: "unchanged" }
  | { readonly is: "rejected"; readonly reasons: readonly Reason[] };

/** Most rows have one of these two verdicts: all of them share the object. */
export const NEW: Verdict = { is: "new" };
export const UNCHANGED: Verdict = { is: "unchanged" };

/** The rows that judge() compares with: rows that are stored, and rows accepted earlier in the same batch or files. */
export interface KnownRows {
  /** The rows with these ids. The answer may hold other rows too. */
  stored(table: Table, ids: readonly number[]): Promise<readonly Row[]>;
  /** The ids among `ids` that do not exist. */
  missing(table: Table, ids: ReadonlySet<number>): Promise<ReadonlySet<number>>;
}

/**
 * Judges rows of one table. A row is rejected if it refers to a row that does not exist, or if its id belongs to a row with
 * other values, stored or earlier among these rows. It is unchanged if it is the same as that row.
 * @returns a verdict for each row, in their order
 */
export async function judge(table: Table, rows: readonly ReadRow[], known: KnownRows): Promise<Verdict[]> {
  const key = numberKeyOf(table);
  const missing = await missingParents(table, rows, known);
  const ids = idsOf(table, rows);
  const taken = new Map<number, Row>();
  for (const row of await known.stored(table, ids)) taken.set(row[key] as number, row);
  // If the ids ascend, as in most files, none of them repeats.
  const mayRepeat = ids.some((id, index) => index > 0 && id <= (ids[index - 1] ?? 0));
  const verdicts: Verdict[] = [];
  for (const { values, reasons } of rows) {
    const id = values[key];
    const first = reasons.length === 0 && typeof id === "number" ? taken.get(id) : undefined;
    const unknown = missing.length > 0 ? unknownReferences(table, values, missing) : NO_REASONS;
    const isTaken = first !== undefined && !sameRow(first, values);
    if (reasons.length > 0 || unknown.length > 0 || isTaken) {
      const duplicate = isTaken ? [duplicateId(table, id)] : NO_REASONS;
      verdicts.push({ is: "rejected", reasons: [...reasons, ...unknown, ...duplicate] });
    } else if (first) {
      verdicts.push(UNCHANGED);
    } else {
      verdicts.push(NEW);
      if (mayRepeat && typeof id === "number") taken.set(id, values as Row);
    }
  }
  return verdicts;
}

interface Missing {
  reference: Reference;
  /** The index of the column that refers. */
  column: number;
  ids: ReadonlySet<number>;
}

/**
 * For each column that refers to another table, the ids in it that do not exist. Columns without such an id are left out.
 */
async function missingParents(table: Table, rows: readonly ReadRow[], known: KnownRows): Promise<Missing[]> {
  const missing: Missing[] = [];
  for (const reference of table.references) {
    const [column = -1] = reference.columns;
    const ids = new Set<number>();
    for (const { values } of rows) {
      const id = values[column];
      if (typeof id === "number") ids.add(id);
    }
    missing.push({ reference, column, ids: await known.missing(reference.parent, ids) });
  }
  return missing.filter(({ ids }) => ids.size > 0);
}

function unknownReferences(table: Table, values: ReadRow["values"], missing: readonly Missing[]) {
  let reasons = NO_REASONS;
  for (const { reference, column, ids } of missing) {
    const id = values[column];
    if (typeof id === "number" && ids.has(id)) reasons = [...reasons, unknownReference(table, reference, id)];
  }
  return reasons;
}

/** Shared, so that a row without a reason costs no array. */
const NO_REASONS: readonly Reason[] = [];

/** The ids of the rows that are well-formed. */
function idsOf(table: Table, rows: readonly ReadRow[]): number[] {
  const key = numberKeyOf(table);
  const ids: number[] = [];
  for (const { values, reasons } of rows) {
    const id = values[key];
    if (reasons.length === 0 && typeof id === "number") ids.push(id);
  }
  return ids;
}

/** What a row's shape cannot tell: whether the rows it refers to exist, and whether its id is free. */
import { duplicateId, unknownReference } from "../codecs/reasons.ts";
import { type ReadRow, type Row, sameRow, type Table, type TableName } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";

/** What becomes of a row, if nothing else is in the way: a new one can be stored, an unchanged one is stored already. */
export type Verdict =
  | { readonly is: "new" }
  | { readonly is: "unchanged" }
  | { readonly is: "rejected"; readonly reasons: readonly Reason[] };

/** Shared by all rows: most rows of a file are one of these two. */
export const NEW: Verdict = { is: "new" };
const UNCHANGED: Verdict = { is: "unchanged" };

/** What judge() asks about rows that are stored, or were accepted earlier in the same batch or files. */
export interface World {
  /** The rows with these ids. The answer may hold other rows too. */
  stored(table: Table, ids: readonly number[]): Promise<readonly Row[]>;
  /** Those of the ids that do not exist. */
  missing(table: TableName, ids: ReadonlySet<number>): Promise<ReadonlySet<number>>;
}

/**
 * Judges rows of one table. A row is rejected if it refers to a row that does not exist, or if its id belongs to a row with
 * other values, stored or earlier among these rows. It is unchanged if it is the same as that row.
 * @returns a verdict for each row, in their order
 */
export async function judge(table: Table, rows: readonly ReadRow[], world: World): Promise<Verdict[]> {
  const missing = await missingParents(table, rows, world);
  const ids = idsOf(table, rows);
  const taken = new Map<number, Row>();
  for (const row of await world.stored(table, ids)) taken.set(row[table.key] as number, row);
  // Rows in the order of their ids, as in most files, cannot repeat an id.
  const mayRepeat = ids.some((id, index) => index > 0 && id <= (ids[index - 1] ?? 0));
  const verdicts: Verdict[] = [];
  for (const { values, reasons } of rows) {
    const id = values[table.key];
    const first = reasons.length === 0 && typeof id === "number" ? taken.get(id) : undefined;
    const others = missing.length > 0 ? unknownReferences(table, values, missing) : [];
    if (first && !sameRow(first, values)) others.push(duplicateId(table, id));
    if (reasons.length > 0 || others.length > 0) {
      verdicts.push({ is: "rejected", reasons: [...reasons, ...others] });
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
  reference: Table["references"][number];
  ids: ReadonlySet<number>;
}

/** For each column that refers to another table, the ids in it that do not exist. Columns without such an id are left out. */
async function missingParents(table: Table, rows: readonly ReadRow[], world: World): Promise<Missing[]> {
  const missing: Missing[] = [];
  for (const reference of table.references) {
    const ids = new Set<number>();
    for (const { values } of rows) {
      const id = values[reference.column];
      if (typeof id === "number") ids.add(id);
    }
    missing.push({ reference, ids: await world.missing(reference.table, ids) });
  }
  return missing.filter(({ ids }) => ids.size > 0);
}

function unknownReferences(table: Table, values: ReadRow["values"], missing: readonly Missing[]): Reason[] {
  const reasons: Reason[] = [];
  for (const { reference, ids } of missing) {
    const id = values[reference.column];
    if (typeof id === "number" && ids.has(id)) reasons.push(unknownReference(table, reference, id));
  }
  return reasons;
}

/** The ids of the rows whose shape is right. */
function idsOf(table: Table, rows: readonly ReadRow[]): number[] {
  const ids: number[] = [];
  for (const { values, reasons } of rows) {
    const id = values[table.key];
    if (reasons.length === 0 && typeof id === "number") ids.push(id);
  }
  return ids;
}

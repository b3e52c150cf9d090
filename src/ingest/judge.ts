/** What a row's shape cannot tell: whether its references exist and its id is free (design section 2). */
import type { SqlValue } from "../codecs/columns.ts";
import { duplicateId, unknownReference } from "../codecs/reasons.ts";
import { type Candidate, type Row, sameRow, type Table, type TableName } from "../codecs/tables.ts";

/** What the judge must know of what is stored, or was accepted earlier in the same batch or file set. */
export interface World {
  /** The rows with these ids; it may be others as well. */
  stored(table: Table, ids: readonly number[]): Promise<readonly Row[]>;
  /** Those of the ids that do not exist. */
  missing(table: TableName, ids: ReadonlySet<number>): Promise<ReadonlySet<number>>;
}

/**
 * Adds to each candidate the reasons that need the database: every well-formed reference is looked up, and a row whose
 * id is taken, by a stored row or by an earlier one of these, is unchanged where it is identical and refused where not.
 */
export async function judge(table: Table, candidates: readonly Candidate[], world: World): Promise<void> {
  const missing = await missingParents(table, candidates, world);
  const ids = idsOf(table, candidates);
  const taken = new Map<number, Row>();
  for (const row of await world.stored(table, ids)) taken.set(row[table.key] as number, row);
  // Rows in the order of their ids, as most files have them, repeat none.
  const mayRepeat = ids.some((id, index) => index > 0 && id <= (ids[index - 1] ?? 0));
  for (const candidate of candidates) {
    const { values, reasons } = candidate;
    const complete = reasons.length === 0;
    for (const { reference, ids } of missing) {
      const id = values[reference.column];
      if (typeof id === "number" && ids.has(id)) reasons.push(unknownReference(table, reference, id));
    }
    const id = values[table.key];
    if (!complete || typeof id !== "number") continue;
    const first = taken.get(id);
    if (first === undefined) {
      if (mayRepeat && reasons.length === 0) taken.set(id, values as SqlValue[]);
    } else if (!sameRow(first, values)) {
      reasons.push(duplicateId(table, id));
    } else if (reasons.length === 0) {
      candidate.unchanged = true;
    }
  }
}

/** For each column that refers to another table, the ids in it that are not there; columns without such an id are left out. */
async function missingParents(table: Table, candidates: readonly Candidate[], world: World) {
  const missing = [];
  for (const reference of table.references) {
    const ids = new Set<number>();
    for (const { values } of candidates) {
      const id = values[reference.column];
      if (typeof id === "number") ids.add(id);
    }
    missing.push({ reference, ids: await world.missing(reference.table, ids) });
  }
  return missing.filter(({ ids }) => ids.size > 0);
}

/** The ids of the rows whose shape is right. */
function idsOf(table: Table, candidates: readonly Candidate[]): number[] {
  const ids: number[] = [];
  for (const { values, reasons } of candidates) {
    const id = values[table.key];
    if (reasons.length === 0 && typeof id === "number") ids.push(id);
  }
  return ids;
}

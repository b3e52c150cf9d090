/** Stages the rows of a table that the server judges when all are staged. */
import { unknownReference } from "../codecs/reasons.ts";
import type { Row, Table } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";
import { referredText } from "../publish/faulty-rows.ts";
import { missingParents } from "../publish/missing-parents.ts";
import type { FileRow } from "../read/file-row.ts";
import { noRows } from "../repositories/run-log.ts";
import type { Import } from "./import-state.ts";
import type { TakeBlock } from "./read-table.ts";

/** Stages the well-formed rows of each block, under the numbers that all rows have in the order in which they are read. */
export function stageNumbered(): TakeBlock {
  let number = 0;
  return async (state, table, file, rows, rejected) => {
    const { stages, report } = state;
    const counts = state.counts[table.name] ?? noRows();
    const orphans = await orphansIn(state, table, rows);
    const staged: Row[] = [];
    for (const row of rows) {
      number++;
      counts.received++;
      if (row.reasons.length === 0) {
        counts.inserted++;
        staged.push([number, ...row.values.map((value) => value ?? null)]);
      } else {
        counts.rejected++;
        const rejection = await rejected.add(file, row, [...row.reasons, ...(orphans.get(row) ?? [])]);
        report.rejected?.(rejection);
      }
    }
    await stages.stage(table, staged);
    await rejected.writeMany();
  };
}

/** The references to other tables that malformed rows have wrong besides. The other rows are judged in the stage. */
async function orphansIn(
  { database, stages }: Import,
  table: Table,
  rows: readonly FileRow[],
): Promise<Map<FileRow, Reason[]>> {
  const orphans = new Map<FileRow, Reason[]>();
  const malformed = rows.filter(({ reasons }) => reasons.length > 0);
  for (const reference of table.references) {
    const { columns, parent } = reference;
    if (parent === table) continue;
    const asked = malformed.flatMap((row) => {
      const list = columns.map((index) => row.values[index] ?? null);
      return list.includes(null) ? [] : [{ row, list }];
    });
    const lists = asked.map(({ list }) => list);
    const missing = await missingParents(database.pool, reference, lists, stages.parents().get(parent.name));
    for (const { row, list } of asked) {
      if (!missing.has(list)) continue;
      const reason = unknownReference(table, reference, referredText(table, reference, row.values));
      orphans.set(row, [...(orphans.get(row) ?? []), reason]);
    }
  }
  return orphans;
}

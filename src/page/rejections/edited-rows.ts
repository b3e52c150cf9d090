/** The cells of a grid as its form sends them, and the corrections that they make. */
import type { Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import type { Correction } from "../../read/corrections/corrected-file.ts";
import { correctionOfCells } from "../../read/corrections/edited-cells.ts";
import { ROWS_PER_REQUEST_MAX } from "../../read/request-rows.ts";
import type { MusterDatabase } from "../../repositories/muster-database.ts";
import { listRejections } from "../../repositories/rejection-log.ts";

/** A cell is sent as `cell.ID.COLUMN`. */
const CELL = /^cell\.(\d{1,15})\.(.+)$/s;

/** The texts of cells by the ids of their rejections and the names of their columns. */
export function cellsIn(form: Record<string, unknown>): Map<number, Record<string, string>> {
  const cells = new Map<number, Record<string, string>>();
  for (const [field, text] of Object.entries(form)) {
    const [, id, column] = CELL.exec(field) ?? [];
    if (id === undefined || column === undefined || typeof text !== "string") continue;
    const row = cells.get(Number(id)) ?? {};
    row[column] = text;
    cells.set(Number(id), row);
  }
  return cells;
}

/**
 * The corrections of the rows whose cells differ from what came, and the ids of those that are not open any more.
 * @throws MusterError `too_large`
 */
export async function editedRows(
  { db }: MusterDatabase,
  table: Table,
  cells: ReadonlyMap<number, Record<string, string>>,
): Promise<{ corrections: Correction[]; closed: number[] }> {
  const corrections: Correction[] = [];
  const closed: number[] = [];
  if (cells.size === 0) return { corrections, closed };
  if (cells.size > ROWS_PER_REQUEST_MAX)
    throw new MusterError("too_large", `more than ${ROWS_PER_REQUEST_MAX} rows are sent: edit fewer at once`);
  const sent = { table: table.name, ids: [...cells.keys()], limit: ROWS_PER_REQUEST_MAX };
  for (const rejection of await listRejections(db, sent)) {
    const correction = await correctionOfCells(table, rejection, cells.get(rejection.id) ?? {});
    if (correction && rejection.state === "open") corrections.push(correction);
    else if (correction) closed.push(rejection.id);
  }
  return { corrections, closed };
}

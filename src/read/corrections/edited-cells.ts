/** A rejected row whose cells a person has edited in the page's grid. Only the cells that differ from what came are new. */
import { isBlank } from "../../codecs/codec.ts";
import type { Table } from "../../codecs/tables.ts";
import type { RejectionRecord } from "../../repositories/rejection-log.ts";
import type { Correction } from "./corrected-file.ts";
import { fieldsOf } from "./rejection-sheet.ts";

/**
 * @param cells the texts of some or all columns, as a browser sends them
 * @returns undefined if they are what came
 */
export async function correctionOfCells(
  table: Table,
  rejection: RejectionRecord,
  cells: Readonly<Record<string, string>>,
): Promise<Correction | undefined> {
  const { id } = rejection;
  const known = Object.entries(cells).filter(([name]) => table.columns.some((column) => column.name === name));
  const fields = await fieldsOf(table, rejection);
  if (!fields) {
    // The row could not be split, so the person has written all of its fields.
    const isEdited = known.some(([, text]) => !isBlank(text));
    return isEdited ? { id, cells: Object.fromEntries(known.map(([name, text]) => [name, lines(text)])) } : undefined;
  }
  const changed = known.flatMap(([name, text]) => {
    const before = fields.get(name) ?? "";
    return asShown(before) === lines(text) ? [] : [[name, before.includes("\r\n") ? text : lines(text)] as const];
  });
  return changed.length > 0 ? { id, fields: Object.fromEntries(changed) } : undefined;
}

/** A browser sends every line end as CR LF. */
const lines = (text: string) => text.replaceAll(/\r\n?/g, "\n");

/** A text as a browser shows it. HTML has no NUL. */
const asShown = (text: string) => lines(text).replaceAll("\0", "\uFFFD");

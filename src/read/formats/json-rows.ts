/** Rows of a JSON array: one object for each row. */
import type { ReadRows } from "../file-row.ts";
import { expecting } from "./file-type.ts";
import { elementsOf } from "./json-elements.ts";
import { rowsOfTexts } from "./ndjson-rows.ts";

/**
 * The ReadRows of JSON. The position of a row is the number of its element, because an array often stands on one line. An
 * element that is not JSON becomes a row with a reason to reject it, if it can be told where it ends.
 */
export const jsonRows: ReadRows = (table, chunks, name, options) =>
  rowsOfTexts(table, elementsOf(expecting("json", chunks, name), name), name, options);

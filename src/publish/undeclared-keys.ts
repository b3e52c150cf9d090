/** Foreign keys that the server has and src/db/schema.ts does not declare. With foreign key checks off, nobody else looks at them. */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";
import { columnAt } from "../repositories/key-sql.ts";
import { orphans, type RowSet } from "../repositories/row-sets.ts";
import { definitionOf, partsOf, type RuleParts } from "./definition.ts";
import { UNREADABLE } from "./other-programs.ts";

export interface UndeclaredKey extends RuleParts {
  name: string;
}

/** The foreign keys of a table that the schema does not declare. */
export async function undeclaredKeys(connection: Connection, table: Table): Promise<UndeclaredKey[]> {
  const declared = table.references.map(({ columns, parent, parentColumns }) =>
    codeOf({
      columns: columns.map((index) => columnAt(table, index)),
      parent: escapeId(parent.name),
      parentColumns: parentColumns.map((index) => columnAt(parent, index)),
    }),
  );
  const { foreignKeys } = await definitionOf(connection, table.name);
  return foreignKeys
    .map(({ name, rule }) => ({ name, ...partsOf(rule) }))
    .filter((key) => !declared.includes(codeOf(key)));
}

/** A foreign key as text. The server may show names in other letters than they were declared. */
const codeOf = ({ columns, parent, parentColumns }: RuleParts): string =>
  JSON.stringify([columns, parent, parentColumns]).toLowerCase();

/** The rows of a stage `s` that lack their parent by such a key. @param parent another table or stage for the parents, as SQL */
export function undeclaredOrphans(stage: string, key: UndeclaredKey, parent = key.parent): RowSet {
  const pairs = { columns: key.columns.map((column) => `s.${column}`), parentColumns: key.parentColumns };
  return orphans(`${escapeId(stage)} s`, pairs, parent);
}

/**
 * Passes on an error of a search for such rows.
 * @throws MusterError `conflict` if the search is not possible: the stage lacks a column of the key, or the user may not read the
 * parents
 */
export function throwUnverified(error: unknown, { name }: Table, key: { name: string }): never {
  if (!["ER_BAD_FIELD_ERROR", ...UNREADABLE].includes(driverError(error)?.code ?? "")) throw error;
  const line = `whether rows of ${name} would lack their parent (foreign key ${key.name}) cannot be verified`;
  throw new MusterError("conflict", `${line}: drop that foreign key, or let the user read the table that it refers to`);
}

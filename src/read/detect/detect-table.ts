/** Finds the table of a file by the columns that its header names. */
import type { Dictionary } from "../../codecs/dictionary.ts";
import type { Table, TableName } from "../../codecs/tables.ts";
import { FieldNames } from "../recipes/field-names.ts";
import { count, type Finding } from "./detection.ts";

export interface FoundTable {
  table: Table | undefined;
  /** The tables that it may be. */
  names: readonly TableName[];
  finding?: Finding;
}

/** @param known the table, if the name of the file or the user says it */
export function detectTable(names: readonly string[], known: Table | undefined, dictionary: Dictionary): FoundTable {
  if (known) return { table: known, names: [known.name] };
  const part = "table";
  const ranked = dictionary.tables
    .map((table) => {
      const naming = new FieldNames(table);
      const named = new Set(names.map((name) => naming.of(name)).filter((index) => index >= 0));
      const lacks = table.columns.filter(
        (column, index) => column.required && index !== table.assigned && !named.has(index),
      );
      return {
        table,
        named: [...named].filter((index) => index !== table.assigned).length,
        all: named.size,
        lacks: lacks.length,
      };
    })
    .filter(({ named }) => named > 0)
    .toSorted((a, b) => a.lacks - b.lacks || b.named - a.named);
  const [best, second] = ranked;
  if (!best) {
    const doubt = `neither its name nor a header says the table: give --table (${dictionary.names.join(", ")})`;
    return {
      table: undefined,
      names: dictionary.names,
      finding: { part, is: "unknown", evidence: "no table has such columns", doubt },
    };
  }
  const { table, all } = best;
  const evidence = `the header names ${count(all, "column")} of ${table.name}`;
  const isCertain = best.lacks === 0 && second?.lacks !== 0;
  const doubt = "its name does not say it, and the header does not name all of its columns";
  return {
    table,
    names: [table.name],
    finding: { part, is: table.name, evidence, recipe: { table: table.name }, ...(!isCertain && { doubt }) },
  };
}

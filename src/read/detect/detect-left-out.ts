/** Names in a file that are no columns, and columns that no name means. */
import { isBlank } from "../../codecs/codec.ts";
import type { Table } from "../../codecs/tables.ts";
import { firstOf, shown } from "../../shown.ts";
import { IGNORED } from "../recipes/field-names.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { plain, shownValues } from "./column-likeness.ts";
import type { Finding } from "./detection.ts";

/** How many names are left out one by one. */
const LEFT_OUT_MAX = 20;

/** Names that are no columns: proposed to be left out. */
export function leftOut(
  order: readonly number[],
  names: readonly string[],
  samples: readonly (readonly string[])[],
  named: readonly number[],
  given: FileRecipe,
  isJson: boolean,
): Finding[] {
  if (given.ignoreOtherColumns) return [];
  const open = [...names.keys()].filter((at) => order[at] === -1 && named[at] !== IGNORED);
  if (open.length > LEFT_OUT_MAX) return [manyLeftOut(open.map((at) => names[at] ?? ""))];
  const taken = new Map(names.flatMap((name, at) => ((order[at] ?? -1) >= 0 ? [[plain(name), name] as const] : [])));
  return open.flatMap((at): Finding[] => {
    const name = names[at] ?? "";
    const twin = taken.get(plain(name));
    if (twin !== undefined && !isBlank(name)) {
      const evidence = `${shown(name)} is ${shown(twin)}, but for letter case, blanks and marks`;
      return [
        {
          part: "columns",
          is: `${shown(name)} is left`,
          evidence,
          doubt: "a column cannot have two names: correct one",
        },
      ];
    }
    const values = samples[at] ?? [];
    const isIndex =
      at === 0 &&
      (isBlank(name) || name === "Unnamed: 0") &&
      values.length > 0 &&
      values.every((value, row) => value === String(row));
    const part = "left out";
    if (isIndex)
      return [
        {
          part,
          is: "the first cell",
          evidence: "it has no name and counts 0, 1, 2, ... as pandas writes its index",
          recipe: isJson ? { ignore: [name] } : { dialect: "pandas", ignore: [name] },
        },
      ];
    const what = isBlank(name) ? `cell ${at + 1}, which has no name` : shown(name);
    const doubt = "the table has no such column: leave it out, or say which column it is with --columns";
    return [
      { part, is: what, evidence: `it is near no column (${shownValues(values)})`, doubt, recipe: { ignore: [name] } },
    ];
  });
}

function manyLeftOut(names: readonly string[]): Finding {
  const evidence = `${names.length} names are near no column: ${firstOf(names.map((name) => shown(name)))}`;
  const doubt = "the table has no such columns: leave them out, or say which columns they are with --columns";
  return { part: "left out", is: "other names", evidence, doubt, recipe: { ignoreOtherColumns: true } };
}

/** Columns that a row must have and no name means. */
export function missing({ columns, assigned, name }: Table, order: readonly number[], given: FileRecipe): Finding[] {
  const findings: Finding[] = [];
  for (const [index, column] of columns.entries()) {
    if (order.includes(index) || !column.required) continue;
    if (index === assigned) {
      if (given.ids === "database") continue;
      const doubt = "if the database gives the ids, rows are not recognised when the file is loaded again";
      findings.push({
        part: "ids",
        is: "from the database",
        evidence: `no name in the file means ${name}.${column.name}`,
        doubt,
        recipe: { ids: "database" },
      });
    } else {
      const doubt = `${name} needs it: say which name means it with --columns`;
      findings.push({
        part: "columns",
        is: `${column.name} is missing`,
        evidence: `no name in the file means ${name}.${column.name}`,
        doubt,
      });
    }
  }
  return findings;
}

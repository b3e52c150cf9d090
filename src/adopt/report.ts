/** What adopt says about a database, for people. */
import { escaped } from "../shown.ts";
import type { Adoption } from "./adopt.ts";

export function reportText({ found, declared, leftOut, undeclared }: Adoption): string {
  const lines = [`database "${escaped(found.name)}"`, ""];
  const names = declared.map(({ table }) => table.name);
  lines.push(`${count(names.length, "table")} can be moved${names.length > 0 ? `: ${names.join(", ")}` : ""}`);
  section(
    lines,
    "left out",
    leftOut.map(({ table, reasons }) => [table, reasons]),
  );
  section(
    lines,
    "foreign keys that src/db/schema.ts does not declare (the server checks them: a row that breaks one is rejected)",
    undeclared.map(({ table, foreignKey, reason }) => [`${table}, ${foreignKey}`, [reason]]),
  );
  section(
    lines,
    "triggers (they run for rows that Muster stores; a restore is refused if one changes a row)",
    declared
      .filter(({ table }) => table.triggers.length > 0)
      .map(({ table }) => [table.name, [table.triggers.join(", ")]]),
  );
  return lines.join("\n");
}

function section(lines: string[], title: string, items: readonly (readonly [string, readonly string[]])[]): void {
  if (items.length === 0) return;
  lines.push("", `${title}:`);
  for (const [name, reasons] of items) {
    for (const reason of reasons) lines.push(`  ${escaped(name)}: ${escaped(reason)}`);
  }
}

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;

/** The same for programs. */
export function reportFacts({ found, declared, leftOut, undeclared }: Adoption): object {
  return {
    database: found.name,
    tables: declared.map(({ table }) => table.name),
    left_out: leftOut,
    undeclared_foreign_keys: undeclared.map(({ table, foreignKey, reason }) => ({
      table,
      foreign_key: foreignKey,
      reason,
    })),
    triggers: declared.flatMap(({ table }) => table.triggers.map((trigger) => ({ table: table.name, trigger }))),
  };
}

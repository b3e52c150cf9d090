/** Whether a stage may take its table's place, or would take something along that is not Muster's. */
import type { Connection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { shown } from "../shown.ts";
import { declaredForeignKeys, declaredKeys, plainRule } from "./declared.ts";
import { type Definition, definitionOf, triggerOn } from "./definition.ts";
import { referrersOf, sightOf } from "./referrers.ts";

/** `why` is left out if nothing is wrong with the table: the server cannot swap, or tables of src/db/schema.ts refer to it. */
export type SwapVerdict = { swaps: true } | { swaps: false; why?: string };

/**
 * Judges whether `table` can be replaced. It can if it is exactly what its migrations make, nothing of others hangs on it,
 * and the user may see whatever could hang on it: a replaced table takes its columns, history, triggers and the foreign
 * keys that point at it along.
 * @param stage as Stage made it, without keys yet
 */
export async function swapVerdict(
  { name: database, server }: Database,
  connection: Connection,
  table: Table,
  stage: string,
): Promise<SwapVerdict> {
  if (!server.swaps) return { swaps: false };
  const [referrer] = (await referrersOf(connection, database, [table.name])).sort(oursFirst);
  if (referrer?.isOurs) return { swaps: false };
  const no = (why: string): SwapVerdict => ({ swaps: false, why });
  if (referrer) return no(`${referrer.schema}.${referrer.table} refers to it (foreign key ${referrer.constraint})`);
  const difference = differenceOf(
    await definitionOf(connection, table.name),
    await definitionOf(connection, stage),
    table,
  );
  if (difference !== undefined) return no(`it is not as its migrations make it, ${difference}`);
  const trigger = await triggerOn(connection, table.name);
  if (trigger !== undefined) return no(`it has the trigger ${trigger}`);
  const sight = await sightOf(connection, database);
  if (sight.triggers) return no(`the user may not see its triggers; for the faster way: ${sight.triggers}`);
  if (sight.foreignKeys)
    return no(`the user may not see foreign keys of other databases; for the faster way: ${sight.foreignKeys}`);
  return { swaps: true };
}

const oursFirst = (a: { isOurs: boolean }, b: { isOurs: boolean }) => Number(b.isOurs) - Number(a.isOurs);

/** In which line of its definition a table is not what its migrations make, as the end of a sentence. */
function differenceOf(found: Definition, stage: Definition, table: Table): string | undefined {
  const keys = declaredKeys(table);
  if (keys === undefined) return "as far as can be told: it has a key declared with USING or an expression";
  const rules = found.foreignKeys.map(({ rule }) => plainRule(rule));
  const pairs = [
    [found.columns, stage.columns],
    [found.keys, keys],
    [rules, declaredForeignKeys(table)],
    [found.rest, stage.rest],
  ] as const;
  for (const [theirs, declared] of pairs) {
    const [added, missing] = [without(theirs, declared), without(declared, theirs)];
    if (added !== undefined) return `it has ${shown(added)}`;
    if (missing !== undefined) return `it lacks ${shown(missing)}`;
  }
  return undefined;
}

/** The first line that the others do not have. */
const without = (lines: readonly string[], others: readonly string[]) => lines.find((line) => !others.includes(line));

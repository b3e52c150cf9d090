/** Decides whether a stage may take its table's place. A swap would remove whatever other programs added to the old table. */
import { Column, is } from "drizzle-orm";
import { type ForeignKey, getTableConfig, type MySqlColumn } from "drizzle-orm/mysql-core";
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { shown } from "../shown.ts";
import { type Definition, definitionOf, hiddenFrom, referrersOf, triggerOn } from "./definition.ts";

/** `why` is left out if the user need not know: this server never swaps, or tables of src/db/schema.ts refer to the table. */
export type SwapVerdict = { swaps: true } | { swaps: false; why?: string };

/**
 * Says whether `table` can be swapped. Three things must hold: it is exactly as its migrations make it; it has no trigger, and
 * no foreign key points at it; the user has the right to see all triggers and foreign keys that there could be. Otherwise the
 * extra columns, the history and the triggers would go with the old table, and the foreign keys would still point at it.
 * @param stage has no indexes yet
 */
export async function swapVerdict(
  database: MusterDatabase,
  connection: Connection,
  table: Table,
  stage: string,
): Promise<SwapVerdict> {
  if (!database.server.swaps || !mayBeLike(table)) return { swaps: false };
  const referrers = await referrersOf(database, connection, [table.name]);
  if (referrers.some(({ isOurs }) => isOurs)) return { swaps: false };
  const no = (why: string): SwapVerdict => ({ swaps: false, why });
  const [referrer] = referrers;
  if (referrer) return no(`${referrer.schema}.${referrer.table} refers to it (foreign key ${referrer.constraint})`);
  const difference = differenceOf(
    await definitionOf(connection, table.name),
    await definitionOf(connection, stage),
    table,
  );
  if (difference !== undefined) return no(`it is not as its migrations make it, ${difference}`);
  const trigger = await triggerOn(connection, table.name);
  if (trigger !== undefined) return no(`it has the trigger ${trigger}`);
  const hidden = await hiddenFrom(connection, database.name);
  if (hidden.triggers) return no(`the user may not see its triggers; for the faster way: ${hidden.triggers}`);
  if (hidden.foreignKeys)
    return no(`the user may not see foreign keys of other databases; for the faster way: ${hidden.foreignKeys}`);
  return { swaps: true };
}

/** Whether a stage of the table can get the same definition. It has no generated column and no default that is computed. */
const mayBeLike = ({ columns, readable }: Table) =>
  readable.length === columns.length && columns.every(({ serverDefault }) => serverDefault === undefined);

/** The first line of the definition that differs from what migrations make, as the end of a sentence. */
function differenceOf(found: Definition, stage: Definition, table: Table): string | undefined {
  const keys = declaredKeys(table);
  if (keys === undefined) return "as far as can be told: it has a key declared with USING or an expression";
  const rules = found.foreignKeys.map(({ rule }) => plainRule(rule));
  const pairs = [
    [found.columns, stage.columns],
    [found.keys, keys],
    [rules, getTableConfig(table.source).foreignKeys.map(ruleOf)],
    [found.rest, stage.rest],
  ] as const;
  for (const [theirs, declared] of pairs) {
    const added = theirs.find((line) => !declared.includes(line));
    if (added !== undefined) return `it has ${shown(added)}`;
    const missing = declared.find((line) => !theirs.includes(line));
    if (missing !== undefined) return `it lacks ${shown(missing)}`;
  }
  return undefined;
}

/**
 * The keys that src/db/schema.ts declares, without the primary key, as SHOW CREATE TABLE spells them.
 * @returns undefined if the server may spell one of them in several ways
 */
function declaredKeys(table: Table): string[] | undefined {
  const { indexes, foreignKeys, uniqueConstraints, columns: all } = getTableConfig(table.source);
  const declared: DeclaredKey[] = [
    ...all.filter(({ isUnique }) => isUnique).map((each) => keyOn(each.uniqueName ?? each.name, [each], true)),
    ...uniqueConstraints.map((each) => keyOn(each.getName() ?? "", each.columns, true)),
  ];
  for (const { config } of indexes) {
    const columns = config.columns.filter((each): each is MySqlColumn => is(each, Column));
    if (config.using || columns.length < config.columns.length) return undefined;
    declared.push(keyOn(config.name, columns, config.unique === true));
  }
  const primary = table.key.map((index) => table.columns[index]?.name ?? "");
  // The server adds a key for a foreign key, unless another key begins with the same columns.
  const covering = [primary, ...declared.map(({ columns }) => columns)];
  const added = foreignKeys.flatMap((each) => {
    const key = keyOn(each.getName(), each.reference().columns, false);
    return covering.some((columns) => key.columns.every((name, place) => columns[place] === name)) ? [] : [key];
  });
  return [...declared, ...added].map(
    ({ name, columns, isUnique }) => `${isUnique ? "UNIQUE " : ""}KEY ${escapeId(name)} (${list(columns, ",")})`,
  );
}

interface DeclaredKey {
  name: string;
  columns: string[];
  isUnique: boolean;
}

const keyOn = (name: string, columns: readonly MySqlColumn[], isUnique: boolean): DeclaredKey => ({
  ...{ name, isUnique },
  columns: columns.map((column) => column.name),
});

const list = (names: readonly string[], separator: string) => names.map((name) => escapeId(name)).join(separator);

/** A declared foreign key, as SHOW CREATE TABLE spells what follows the constraint's name. */
function ruleOf(foreignKey: ForeignKey): string {
  const { columns, foreignTable, foreignColumns } = foreignKey.reference();
  const [own, others] = [columns, foreignColumns].map((each) =>
    list(
      each.map(({ name }) => name),
      ", ",
    ),
  );
  const parent = escapeId(getTableConfig(foreignTable).name);
  const actions = [
    foreignKey.onDelete && ` ON DELETE ${foreignKey.onDelete}`,
    foreignKey.onUpdate && ` ON UPDATE ${foreignKey.onUpdate}`,
  ];
  return plainRule(`FOREIGN KEY (${own}) REFERENCES ${parent} (${others})${actions.join("").toUpperCase()}`);
}

/** Leaves out NO ACTION and RESTRICT: for InnoDB they mean the same as no rule. */
const plainRule = (rule: string): string => rule.replace(/ ON (DELETE|UPDATE) (NO ACTION|RESTRICT)/g, "");

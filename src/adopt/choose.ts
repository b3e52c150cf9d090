/**
 * Decides which tables and foreign keys of an existing database are declared. The dictionary itself is asked: what it refuses
 * is left out, with its reason.
 */
import { buildTables } from "../codecs/dictionary.ts";
import { quoted } from "../db/grants.ts";
import { MusterError } from "../errors.ts";
import { circlesOf } from "./circles.ts";
import type { Seen } from "./column-source.ts";
import type { FoundDatabase, FoundForeignKey, FoundTable } from "./found.ts";
import { type Declared, schemaSource } from "./schema-source.ts";

/** Imports the text of a schema module. */
export type Load = (source: string) => Promise<Record<string, unknown>>;

export interface Choice {
  /** Parents before children. */
  declared: readonly Declared[];
  /** What is left out, with each reason. */
  leftOut: readonly { table: string; reasons: readonly string[] }[];
  /** Foreign keys that are not declared, of tables that are. */
  undeclared: readonly { table: string; foreignKey: string; reason: string }[];
}

/** @param wanted whether the user has chosen a table */
export async function choose(
  { name: database, tables: all, others }: FoundDatabase,
  seenOf: ReadonlyMap<string, Seen>,
  wanted: (table: string) => boolean,
  load: Load,
): Promise<Choice> {
  const leftOut = others.filter(({ name }) => wanted(name)).map(({ name, why }) => ({ table: name, reasons: [why] }));
  const tables = all.filter(({ name }) => wanted(name));
  const candidates = tables.map((table, place) => plain(table, seenOf, `t${place}`));
  const variants = foreignKeysOf(candidates, database);
  const loaded = await load(schemaSource([...candidates, ...variants.map(({ declared }) => declared)]));
  const exported = ({ constant = "" }: Declared) => loaded[constant];

  const refused = candidates.filter((each) => refusalOf({ [each.table.name]: exported(each) }) !== undefined);
  const reasons = await everyReason(refused, load);
  const why = new Map<string, readonly string[]>(reasons);
  for (const { table, seen } of candidates) {
    const more = reasonsOfServer(table, seen);
    if (more.length > 0) why.set(table.name, [...more, ...(why.get(table.name) ?? [])]);
  }

  const possible = variants.map(({ declared, foreignKey }) => {
    const parent = candidates.find(({ table }) => table.name === foreignKey.parent);
    const module = {
      ...(parent && { [parent.table.name]: exported(parent) }),
      [declared.table.name]: exported(declared),
    };
    return { table: declared.table.name, foreignKey, reason: refusalOf(module) };
  });
  const kept = possible.filter(
    ({ reason, table, foreignKey }) =>
      [table, foreignKey.parent].every((name) => !why.has(name)) && reason === undefined,
  );
  const edges = kept.map(({ table, foreignKey }) => ({ from: table, to: foreignKey.parent }));
  for (const circle of circlesOf(edges)) {
    const line = `is in a circle of references, so none of these tables can be loaded first: ${[...circle, circle[0]].join(" -> ")}`;
    for (const name of circle) why.set(name, [line]);
  }
  const left = candidates.filter(({ table }) => !why.has(table.name));
  const declared = parentsFirst(
    left.map(({ table, seen }) => ({
      table,
      seen,
      foreignKeys: kept
        .filter((each) => each.table === table.name && !why.has(each.foreignKey.parent))
        .map((each) => each.foreignKey),
    })),
  );
  return {
    declared,
    leftOut: [...leftOut, ...[...why].map(([table, reasons]) => ({ table, reasons }))].sort((a, b) =>
      a.table < b.table ? -1 : 1,
    ),
    undeclared: undeclaredOf(
      declared,
      new Map(possible.map(({ foreignKey, reason }) => [foreignKey, reason])),
      database,
    ),
  };
}

/** Why a table is left out although the dictionary, which does not know the server, would take it. */
function reasonsOfServer({ name, engine }: FoundTable, { belowOne }: Seen): string[] {
  const reasons: string[] = [];
  if (engine !== "InnoDB")
    reasons.push(
      `its engine is ${engine}, which cannot roll a write back: run ALTER TABLE ${quoted(name)} ENGINE = InnoDB`,
    );
  if (belowOne !== undefined)
    reasons.push(`has a row whose key is ${belowOne}: a key that counts up must be above 0, so give the row another`);
  return reasons;
}

const plain = (table: FoundTable, seenOf: ReadonlyMap<string, Seen>, constant: string): Declared => ({
  table,
  seen: seenOf.get(table.name) ?? { notBoolean: new Set(), exactNumbers: new Set() },
  foreignKeys: [],
  constant,
});

/** For each foreign key within the database: its table with this key alone. */
function foreignKeysOf(candidates: readonly Declared[], database: string) {
  const names = new Set(candidates.map(({ table }) => table.name));
  return candidates.flatMap((each, place) =>
    each.table.foreignKeys.flatMap((foreignKey, index) =>
      foreignKey.schema === database && names.has(foreignKey.parent)
        ? [{ foreignKey, declared: { ...each, foreignKeys: [foreignKey], constant: `f${place}_${index}` } }]
        : [],
    ),
  );
}

/** Why the dictionary refuses a module; undefined if it does not. */
function refusalOf(module: object): string | undefined {
  try {
    buildTables(module);
    return undefined;
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return error.message.replace(/^src\/db\/schema\.ts cannot be used: /, "");
  }
}

/** All reasons for which tables are refused. The dictionary names the first, so each column is asked for with the key alone. */
async function everyReason(refused: readonly Declared[], load: Load): Promise<Map<string, string[]>> {
  const parts = refused.flatMap(({ table, seen }, place) =>
    [undefined, ...table.columns].map((column, index) => {
      const isNeeded = (name: string) => column === undefined || name === column.name || table.key.includes(name);
      const columns = table.columns.filter(({ name }) => isNeeded(name));
      const some = { ...table, columns, indexes: [] };
      return { table: some, seen, foreignKeys: [], constant: `p${place}_${index}` };
    }),
  );
  const loaded = parts.length > 0 ? await load(schemaSource(parts)) : {};
  const reasons = new Map<string, string[]>();
  for (const { table, constant } of parts) {
    const reason = refusalOf({ [table.name]: loaded[constant] });
    const known = reasons.get(table.name) ?? [];
    if (reason !== undefined && !known.includes(reason)) reasons.set(table.name, [...known, reason]);
  }
  return reasons;
}

function undeclaredOf(
  declared: readonly Declared[],
  refusals: ReadonlyMap<FoundForeignKey, string | undefined>,
  database: string,
): Choice["undeclared"] {
  const names = new Set(declared.map(({ table }) => table.name));
  return declared.flatMap(({ table, foreignKeys }) =>
    table.foreignKeys
      .filter((each) => !foreignKeys.includes(each))
      .map((each) => {
        const place = each.schema === database ? each.parent : `${each.schema}.${each.parent}`;
        const refusal = names.has(place) ? refusals.get(each) : undefined;
        const reason = refusal ?? `refers to ${place}, which is left out`;
        return { table: table.name, foreignKey: each.name, reason };
      }),
  );
}

function parentsFirst(declared: readonly Declared[]): Declared[] {
  const sorted = new Set<Declared>();
  const add = (each: Declared) => {
    if (sorted.has(each)) return;
    for (const { parent } of each.foreignKeys) {
      const other = declared.find(({ table }) => table.name === parent);
      if (other && other !== each) add(other);
    }
    sorted.add(each);
  };
  for (const each of declared) add(each);
  return [...sorted];
}

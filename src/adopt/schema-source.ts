/** Writes src/db/schema.ts for the tables of an existing database. */
import { type ColumnSource, columnSource, MORE_TYPES, type Seen, sqlText } from "./column-source.ts";
import type { FoundForeignKey, FoundIndex, FoundTable } from "./found.ts";

/** A table as it is to be declared. */
export interface Declared {
  table: FoundTable;
  seen: Seen;
  /** Those of its foreign keys that are declared. */
  foreignKeys: readonly FoundForeignKey[];
  /** The name of its constant and export, if the file is only for asking the dictionary. */
  constant?: string;
}

const HEAD = `/**
 * The data dictionary, as scripts/adopt.ts found it in the database. The validators, CSV columns, Avro schemas and routes are
 * derived from this file (docs/adopting.md). What is not declared here, such as CHECKs and triggers, is in the database too.
 */
`;

const FOOT = `
/**
 * Values of date and time types are read as UTC. If a column of datetime holds the local time of another zone, name it here:
 * export const zones = { "TABLE.COLUMN": "Europe/Berlin" };
 */
`;

/** @param declared parents before children. If a table is there twice, foreign keys refer to the first */
export function schemaSource(declared: readonly Declared[]): string {
  const constants = new Map(declared.toReversed().map((each) => [each.table.name, constantOf(each)]));
  const texts: string[] = [];
  const uses = new Set<string>(["mysqlTable"]);
  for (const each of declared) {
    const { text, uses: used } = tableSource(each, constants);
    texts.push(text);
    for (const name of used) uses.add(name);
  }
  const body = texts.join("\n");
  const unknown = uses.delete("unknown");
  if (unknown) uses.add("customType");
  const sql = uses.delete("sql") ? 'import { sql } from "drizzle-orm";\n' : "";
  const names = [...uses].sort();
  const more = importOf(
    names.filter((name) => MORE_TYPES.has(name)),
    "./more-types.ts",
  );
  const drizzle = importOf(
    names.filter((name) => !MORE_TYPES.has(name)),
    "drizzle-orm/mysql-core",
  );
  return `${HEAD}${sql}${drizzle}${more}${unknown ? UNKNOWN : ""}\n${body}${FOOT}`;
}

const importOf = (names: readonly string[], from: string) =>
  names.length > 0 ? `import { ${names.join(", ")} } from ${JSON.stringify(from)};\n` : "";

/** A type that no function is known for. It is only used to ask the dictionary, which refuses it. */
const UNKNOWN = `
const unknown = (name: string, { type }: { type: string }) =>
  customType<{ data: unknown }>({ dataType: () => type })(name);
`;

/** Names that a constant may not have: words of JavaScript, and what the file imports. */
const TAKEN = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false
  finally for function if implements import in instanceof interface let new null package private protected public return
  static super switch this throw true try typeof undefined var void while with yield
  bigint binary bit blob boolean char customType date datetime decimal double float foreignKey index int json longblob longtext mediumblob mediumint
  mediumtext mysqlEnum mysqlTable primaryKey set smallint sql table text time timestamp tinyblob tinyint tinytext unique uniqueIndex unknown
  varbinary varchar year`.split(/\s+/),
);

const constantOf = ({ table, constant = table.name }: Declared): string =>
  TAKEN.has(constant) ? `${constant}_table` : constant;

function tableSource(declared: Declared, constants: ReadonlyMap<string, string>): ColumnSource {
  const { table, seen, foreignKeys } = declared;
  const constant = constantOf(declared);
  const uses: string[] = [];
  const [only] = table.key.length === 1 ? table.key : [];
  const columns = table.columns.map((column) => {
    const { text, uses: used } = columnSource(column, seen, column.name === only);
    uses.push(...used);
    return `    ${propertyOf(column.name)}: ${text},\n`;
  });
  const constraints: string[] = [];
  const remarks: string[] = [];
  const add = (name: string, text: string) => {
    uses.push(name);
    constraints.push(`    ${text},\n`);
  };
  if (table.key.length > 1) add("primaryKey", `primaryKey({ columns: [${fields(table.key)}] })`);
  for (const index of table.indexes) {
    if (foreignKeys.some(({ name }) => name === index.name) && !index.unique) continue;
    if (index.kind !== "BTREE") {
      // Some characters would end the comment, and what follows them would be code.
      const name = JSON.stringify(index.name.replace(/[^\x20-\x7E]/g, "?"));
      remarks.push(`// The ${index.kind} index ${name} is in the database too: Drizzle cannot declare it.\n`);
      continue;
    }
    const { make, text, usesSql } = indexSource(index);
    if (usesSql) uses.push("sql");
    add(make, text);
  }
  for (const each of foreignKeys) add("foreignKey", foreignKeySource(each, table.name, constants));
  const usesTable = constraints.some((text) => /\btable[.[]/.test(text));
  const list = constraints.length > 0 ? `  (${usesTable ? "table" : ""}) => [\n${constraints.join("")}  ],\n` : "";
  const isExportable = constant === (declared.constant ?? table.name);
  const head = `${remarks.join("")}${isExportable ? "export " : ""}const ${constant} = mysqlTable(\n  ${JSON.stringify(table.name)},\n`;
  const foot = isExportable ? "" : `export { ${constant} as ${table.name} };\n`;
  return { uses, text: `${head}  {\n${columns.join("")}  },\n${list});\n${foot}` };
}

/** A property's name, in quotes if it is no identifier. */
const propertyOf = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

const fieldOf = (table: string, name: string) =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? `${table}.${name}` : `${table}[${JSON.stringify(name)}]`;

const fields = (columns: readonly string[], table = "table") =>
  columns.map((column) => fieldOf(table, column)).join(", ");

function indexSource({ name, unique, parts }: FoundIndex) {
  const usesSql = parts.some(({ sql }) => sql !== undefined);
  const make = unique ? (usesSql ? "uniqueIndex" : "unique") : "index";
  const of = parts.map(({ column, sql }) => (sql === undefined ? fieldOf("table", column ?? "") : sqlText(sql)));
  return { make, usesSql, text: `${make}(${JSON.stringify(name)}).on(${of.join(", ")})` };
}

function foreignKeySource(
  { name, columns, parent, parentColumns, onDelete, onUpdate }: FoundForeignKey,
  own: string,
  constants: ReadonlyMap<string, string>,
): string {
  const other = parent === own ? "table" : (constants.get(parent) ?? parent);
  const rules = { onDelete, onUpdate };
  const actions = Object.entries(rules).flatMap(([event, rule]) =>
    // For InnoDB these two mean the same as no rule.
    ["RESTRICT", "NO ACTION", ""].includes(rule) ? [] : [`.${event}(${JSON.stringify(rule.toLowerCase())})`],
  );
  const named = `name: ${JSON.stringify(name)}, columns: [${fields(columns)}]`;
  return `foreignKey({ ${named}, foreignColumns: [${fields(parentColumns, other)}] })${actions.join("")}`;
}

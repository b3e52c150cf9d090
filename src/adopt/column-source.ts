/** Writes a column as src/db/schema.ts declares it. */
import type { FoundColumn, FoundDefault } from "./found.ts";

/** What the rows of a table say about its columns. */
export interface Seen {
  /** Columns of tinyint(1) that have other values than 0 and 1. */
  notBoolean: ReadonlySet<string>;
  /** Columns of bigint that JavaScript's numbers hold exactly, and will go on to hold. */
  exactNumbers: ReadonlySet<string>;
  /** The least value of the column that counts up, if it is below 1. */
  belowOne?: string | undefined;
}

export interface ColumnSource {
  /** The names that the text needs: `sql` from drizzle-orm, MORE_TYPES from more-types.ts, the others from Drizzle. */
  uses: readonly string[];
  text: string;
}

/** @param isKey the column is the whole primary key */
export function columnSource(column: FoundColumn, seen: Seen, isKey: boolean): ColumnSource {
  const type = typeOf(column, seen);
  const options = Object.entries(type.options ?? {}).filter(([, value]) => value !== undefined);
  const given = options.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ");
  const values = type.values ? `, ${JSON.stringify(type.values)}` : "";
  const parts = [`${type.make}(${JSON.stringify(column.name)}${values}${given && `, { ${given} }`})`];
  const uses = [type.make];
  if (column.autoIncrement) parts.push("autoincrement()");
  if (isKey) parts.push("primaryKey()");
  else if (!column.nullable) parts.push("notNull()");
  if (column.generated) {
    uses.push("sql");
    const { expression, mode } = column.generated;
    parts.push(`generatedAlwaysAs(${sqlText(expression)}, { mode: ${JSON.stringify(mode)} })`);
  } else if (column.default) {
    const fallback = defaultText(column.default, type);
    if (fallback.startsWith("sql`")) uses.push("sql");
    parts.push(`default(${fallback})`);
  }
  if (column.updates && column.type === "timestamp") parts.push("onUpdateNow()");
  return { uses, text: parts.join(".") };
}

/** A function of Drizzle or of Muster, with what it is given. */
interface Type {
  make: string;
  options?: Record<string, string | number | boolean | readonly string[] | undefined>;
  values?: readonly string[];
  /** How a literal default is written; as a text if this is missing. */
  literal?: (text: string) => string;
}

function typeOf({ name, type, fullType, ...column }: FoundColumn, seen: Seen): Type {
  const [first, second] = (/\(([\d,]+)\)/.exec(fullType)?.[1] ?? "").split(",").map((digits) => Number(digits));
  const unsigned = /\bunsigned\b/.test(fullType) || undefined;
  switch (type) {
    case "tinyint":
      if (fullType === "tinyint(1)" && !column.autoIncrement && !seen.notBoolean.has(name))
        return { make: "boolean", literal: (text) => String(text !== "0") };
      return { make: type, options: { unsigned }, literal: numberText };
    case "smallint":
    case "mediumint":
    case "int":
      return { make: type, options: { unsigned }, literal: numberText };
    case "bigint": {
      const literal = column.default && "literal" in column.default ? Number(column.default.literal) : undefined;
      const isExact = seen.exactNumbers.has(name) || Number.isSafeInteger(literal);
      return { make: type, options: { mode: isExact ? "number" : "bigint", unsigned }, literal: exactText };
    }
    case "decimal":
      return { make: type, options: { precision: first, scale: second, unsigned } };
    case "float":
    case "double":
      return { make: type, options: { precision: first || undefined, scale: second, unsigned }, literal: numberText };
    case "char":
    case "varchar":
    case "binary":
    case "varbinary":
      return { make: type, options: { length: first }, ...(type.endsWith("binary") && { literal: quotedText }) };
    case "date":
    case "datetime":
    case "timestamp":
    case "time":
      return { make: type, options: { ...(type !== "time" && { mode: "string" }), fsp: first || undefined } };
    case "year":
      return { make: type, literal: numberText };
    case "tinytext":
    case "text":
    case "mediumtext":
    case "longtext":
    case "json":
      return { make: type };
    case "enum":
      return { make: "mysqlEnum", values: membersOf(fullType) };
    case "set":
      return { make: type, options: { members: membersOf(fullType) } };
    case "bit":
      // Longer ones are not moved.
      return first === 1 ? { make: type, literal: (text) => String(text === "1") } : unknown(fullType);
    case "tinyblob":
    case "blob":
    case "mediumblob":
    case "longblob":
      return { make: type };
    default:
      return unknown(fullType);
  }
}

/** The types of src/db/more-types.ts. */
export const MORE_TYPES: ReadonlySet<string> = new Set(["bit", "blob", "longblob", "mediumblob", "set", "tinyblob"]);

/** A type that no function is known for. */
const unknown = (type: string): Type => ({ make: "unknown", options: { type } });

/** The values of an enum or a set. In information_schema a quote in them is doubled. */
export function membersOf(fullType: string): string[] {
  return [...fullType.matchAll(/'((?:[^']|'')*)'/g)].map(([, member = ""]) => member.replaceAll("''", "'"));
}

function defaultText(fallback: FoundDefault, { literal = JSON.stringify }: Type): string {
  if ("literal" in fallback) return literal(fallback.literal);
  const { expression } = fallback;
  return sqlText(/^current_timestamp/i.test(expression) ? expression : `(${expression})`);
}

const numberText = (text: string) => String(Number(text));
/** drizzle-kit cannot write a BigInt into its snapshot, so a default beyond 2^53 is left to the server. */
const exactText = (text: string) => (Number.isSafeInteger(Number(text)) ? numberText(text) : sqlText(`(${text})`));
const quotedText = (text: string) =>
  sqlText(/^0x[0-9a-f]+$/i.test(text) ? text : `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`);

/** SQL as a template of Drizzle. */
export const sqlText = (sql: string): string => `sql\`${sql.replace(/[\\`]|\$\{/g, "\\$&")}\``;

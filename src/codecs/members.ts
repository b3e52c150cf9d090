/** The codecs of ENUM and SET: values from a list that the column declares. */
import { z } from "zod";
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";
import { type ColumnCodec, Fault, type SqlValue, wrongType } from "./codec.ts";
import { varchar } from "./texts.ts";

/** Avro's rule for the symbols of an enum (specification 1.11, Names). */
const AVRO_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** ENUM. @param name the column's */
export function oneOf(members: readonly string[], name: string): ColumnCodec {
  const codec = varchar(Math.max(1, ...members.map(({ length }) => length)), members);
  if (!members.every((member) => AVRO_NAME.test(member))) return codec;
  const read = (value: unknown) => (typeof value === "string" ? codec.fromCsv(value) : wrongType("text", value));
  // No table's name begins with muster_, so the type has another name than the record.
  const type = { type: "enum" as const, name: `muster_${name}_enum`, symbols: members };
  // Without strict mode, the server stores blank text for a value that is no member. Avro's enum cannot hold it.
  const write = (value: SqlValue) => {
    if (members.some((member) => member === value)) return value;
    throw new MusterError(
      "refused",
      `${name}: a row has ${shown(value)}, which is no member of the ENUM: correct it first`,
    );
  };
  return { ...codec, avro: { type, write, read } };
}

/** The CSV cell of a SET without members: an empty cell would mean that there is no value. */
const NO_MEMBER = ",";

/** SET. Its value is the text that the server has: the members in the order of the declaration, with commas between them. */
export function someOf(members: readonly string[]): ColumnCodec {
  const read = (given: readonly unknown[]): SqlValue | Fault => {
    const unknown = given.find((each) => !members.some((member) => member === each));
    if (unknown !== undefined) return wrongType(`members of ${shown(members.join(", "))}`, unknown);
    const twice = given.find((each, index) => given.indexOf(each) !== index);
    if (twice !== undefined)
      return new Fault("wrong_type", `must have each member once, and has ${shown(twice)} twice`);
    return members.filter((member) => given.includes(member)).join(",");
  };
  const listOf = (value: SqlValue) => (value === "" ? [] : String(value).split(","));
  const [first = "", ...others] = members;
  return {
    fromJson: (value) => (Array.isArray(value) ? read(value) : wrongType("a list of members", value)),
    fromCsv: (cell) => (cell === NO_MEMBER ? "" : read(cell.split(","))),
    fromSql: String,
    toJson: listOf,
    toCsv: (value) => (value === "" ? NO_MEMBER : String(value)),
    schema: z.array(z.enum([first, ...others])).meta({ uniqueItems: true }),
    avro: {
      type: { type: "array", items: "string" },
      write: listOf,
      read: (value) => (Array.isArray(value) ? read(value) : wrongType("a list of members", value)),
    },
  };
}

/** The type of an ENUM as SQL. Drizzle spells it without doubling the quotes in its members. */
export const enumType = (members: readonly string[]): string =>
  `enum(${members.map((member) => `'${member.replaceAll("'", "''")}'`).join(",")})`;

/** The members in a type such as `set('a','b')`, as SQL spells them: quotes are doubled. */
export function membersOf(sqlType: string): string[] {
  return [...sqlType.matchAll(/'((?:[^']|'')*)'/g)].map(([, member = ""]) => member.replaceAll("''", "'"));
}

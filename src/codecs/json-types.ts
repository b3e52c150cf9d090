/** The JSON of rows as types, for the typed client; what json.ts does with the dictionary at run time. */
import type * as schema from "../db/schema.ts";
import type { TableName } from "./tables.ts";

/** What a row is answered as. */
export type JsonRow<Name extends TableName> = {
  [Key in keyof Columns<Name>]: JsonValue<Columns<Name>[Key]>;
};

/** What a row is sent as: its id may be left out, and so may what is nullable or has a default. */
export type NewJsonRow<Name extends TableName> = {
  [Key in keyof Columns<Name> as Columns<Name>[Key] extends Required ? Key : never]: JsonValue<Columns<Name>[Key]>;
} & {
  [Key in keyof Columns<Name> as Columns<Name>[Key] extends Required ? never : Key]?: JsonValue<
    Columns<Name>[Key]
  > | null;
};

type Columns<Name extends TableName> = (typeof schema)[Name]["_"]["columns"];

/** An id that the database assigns has a default to Drizzle. */
interface Required {
  _: { notNull: true; hasDefault: false };
}

type JsonValue<Column> = Column extends { _: { notNull: infer NotNull; columnType: infer Type } }
  ? ByType<Type> | (NotNull extends true ? never : null)
  : never;

/** By Drizzle's names of the types. */
type ByType<Type> = Type extends "MySqlInt" | "MySqlDouble"
  ? number
  : Type extends "MySqlBigInt53" | "MySqlBigInt64"
    ? number | string
    : Type extends "MySqlBoolean"
      ? boolean
      : string;

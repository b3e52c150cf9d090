/** The types of rows in JSON, for the typed client. At run time json.ts does the same with the dictionary. */
import type * as schema from "../db/schema.ts";
import type { TableName } from "./tables.ts";

/** A row in an answer. */
export type JsonRow<Name extends TableName> = {
  [Key in keyof Columns<Name>]: JsonValue<Columns<Name>[Key]>;
};

/** A row in a request: it may leave out its id, and columns that are nullable or have a default. */
export type NewJsonRow<Name extends TableName> = {
  [Key in keyof Columns<Name> as Columns<Name>[Key] extends Required ? Key : never]: JsonValue<Columns<Name>[Key]>;
} & {
  [Key in keyof Columns<Name> as Columns<Name>[Key] extends Required ? never : Key]?: JsonValue<
    Columns<Name>[Key]
  > | null;
};

type Columns<Name extends TableName> = (typeof schema)[Name]["_"]["columns"];

/** Columns that a row must have. An id is not one: to Drizzle it has a default, because the database assigns it. */
interface Required {
  _: { notNull: true; hasDefault: false };
}

type JsonValue<Column> = Column extends { _: { notNull: infer NotNull; columnType: infer Type; data: infer Data } }
  ? (Type extends "MySqlCustomColumn" ? ByData<Data> : ByType<Type>) | (NotNull extends true ? never : null)
  : never;

/** The JSON type of a column of src/db/more-types.ts: BIT, a blob as base64, or SET. */
type ByData<Data> = Data extends boolean ? boolean : Data extends Buffer ? string : string[];

/** The JSON type of a column, by Drizzle's name of the column's type. */
type ByType<Type> = Type extends NumberType
  ? number
  : Type extends "MySqlBigInt53" | "MySqlBigInt64"
    ? number | string
    : Type extends "MySqlBoolean"
      ? boolean
      : Type extends "MySqlJson"
        ? unknown
        : string;

type NumberType = `MySql${"Int" | "TinyInt" | "SmallInt" | "MediumInt" | "Double" | "Float" | "Year"}`;

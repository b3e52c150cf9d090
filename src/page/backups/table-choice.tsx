/** @jsxImportSource hono/jsx */
import { z } from "zod";
import type { Table, TableName } from "../../codecs/tables.ts";
import type { MusterDatabase } from "../../repositories/muster-database.ts";
import { listField } from "../form.ts";

/** The fields that TableChoice sends. */
export const ChosenTables = z.object({ table: listField });

/** A checkbox for each table. At first all of them are checked. */
export const TableChoice = ({ names }: { names: readonly TableName[] }) => (
  <fieldset>
    <legend>Tables</legend>
    <div class="row">
      {names.map((name) => (
        <label>
          <input type="checkbox" name="table" value={name} checked /> {name}
        </label>
      ))}
    </div>
  </fieldset>
);

export const NO_TABLE = "No table is chosen: choose at least one.";

/** The tables with these names. Names that are not a table are left out; the form never sends one. */
export function tablesNamed({ dictionary }: MusterDatabase, names: readonly string[]): Table[] {
  return dictionary.tables.filter(({ name }) => names.includes(name));
}

/** @jsxImportSource hono/jsx */
/** The filters of a table's rows: those that are set, and a form that adds one. */
import { isBlank } from "../../codecs/codec.ts";
import { readable } from "../../codecs/readable-table.ts";
import type { Table } from "../../codecs/tables.ts";
import { filterable } from "../../http/row-query.ts";
import { cut } from "../../shown.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { type Filters, rowsAddress } from "./row-addresses.ts";

/** The fields of the form that adds a filter. No column has a dot in its name. */
export const COLUMN_FIELD = "filter.column";
export const VALUE_FIELD = "filter.value";

/** Rows on a page. */
export const PAGE_SIZES = ["50", "100", "500"] as const;
export const [PAGE_SIZE] = PAGE_SIZES;

/** What the address of a page of rows says, apart from the cursor. */
export interface RowsAsked {
  limit: (typeof PAGE_SIZES)[number];
  filters: Filters;
}

/** The query that asks for it. The usual page size is left out. */
export const queryOf = ({ limit, filters }: RowsAsked): Filters =>
  limit === PAGE_SIZE ? filters : { ...filters, limit };

export function FilterForm({ table, asked }: { table: Table; asked: RowsAsked }) {
  return (
    <form class="row" method="get" action={rowsAddress(table)}>
      <HiddenFields fields={asked.filters} />
      <div>
        <label for="column">Column</label>
        <select id="column" name={COLUMN_FIELD}>
          <option value="">any</option>
          {filterable(readable(table)).map(({ name }) => (
            <option>{name}</option>
          ))}
        </select>
      </div>
      <div>
        <label for="value">
          Value, exactly <small>as in CSV; empty means null</small>
        </label>
        <input id="value" name={VALUE_FIELD} autocomplete="off" spellcheck={false} />
      </div>
      <div>
        <label for="limit">Rows on a page</label>
        <select id="limit" name="limit">
          {PAGE_SIZES.map((size) => (
            <option selected={size === asked.limit}>{size}</option>
          ))}
        </select>
      </div>
      <button type="submit">Filter</button>
    </form>
  );
}

/** The filters that are set, each with a link to the rows without it. */
export function SetFilters({ table, asked }: { table: Table; asked: RowsAsked }) {
  const filters = Object.entries(asked.filters);
  if (filters.length === 0) return null;
  const without = (name: string) => Object.fromEntries(filters.filter(([each]) => each !== name));
  return (
    <ul class="filters" aria-label="Filters that are set">
      {filters.map(([name, value]) => (
        <li>
          {name} {isBlank(value) ? <i class="null">is null</i> : <>= {<bdi>{cut(value)}</bdi>}</>}{" "}
          <a href={rowsAddress(table, queryOf({ ...asked, filters: without(name) }))}>
            Remove<span class="unseen"> the filter by {name}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

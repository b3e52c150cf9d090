/** @jsxImportSource hono/jsx */
/** The rows of a table, a page at a time. */
import { keyIn } from "../../codecs/key-text.ts";
import { readable } from "../../codecs/readable-table.ts";
import type { Row, Table } from "../../codecs/tables.ts";
import { DOWNLOADS } from "../../http/listing.ts";
import { counted } from "../parts/quantities.ts";
import { Table as Box } from "../parts/table.tsx";
import { columnNames } from "./column-names.ts";
import { FilterForm, queryOf, type RowsAsked, SetFilters } from "./filter-form.tsx";
import { downloadAddress, parentAddress, rowAddress, rowsAddress } from "./row-addresses.ts";
import { isNumeric, isShort, ShortValue } from "./value.tsx";

/** Tables with more columns than this need more than the width of a phone. */
const NARROW_COLUMNS_MAX = 3;

interface Page {
  rows: readonly Row[];
  /** The cursor of the next page, if there is one. */
  next: string | undefined;
  isFirst: boolean;
}

/** @param page undefined if the filters are at fault */
export function RowsView({ table, asked, page }: { table: Table; asked: RowsAsked; page?: Page }) {
  const hasFilters = Object.keys(asked.filters).length > 0;
  return (
    <>
      <div class="head">
        <h1>{table.name}</h1>
        <p>
          <a href={`page/tables#table-${table.name}`}>Its columns, keys and references</a>
        </p>
      </div>
      <section class="card rows" aria-label={`Rows of ${table.name}`}>
        <FilterForm table={table} asked={asked} />
        <SetFilters table={table} asked={asked} />
        {page && <Rows table={table} page={page} hasFilters={hasFilters} />}
        {page && <Pages table={table} asked={asked} page={page} />}
        {page && (
          <p class="downloads">
            Download {hasFilters ? "the rows that fit the filters" : "all rows"}:{" "}
            {(Object.keys(DOWNLOADS) as (keyof typeof DOWNLOADS)[]).map((form) => (
              <a href={downloadAddress(table, form, asked.filters)}>{DOWNLOADS[form].name}</a>
            ))}
          </p>
        )}
      </section>
    </>
  );
}

function Rows({ table, page: { rows, isFirst }, hasFilters }: { table: Table; page: Page; hasFilters: boolean }) {
  const read = readable(table);
  const shown = `${counted(rows.length, "row")}, by ${columnNames(read, read.key)}`;
  return (
    <Box
      caption={isFirst ? shown : `The next ${shown}`}
      columns={read.columns.map((column) => ({ name: column.name, isNumber: isNumeric(column) }))}
      rows={rows.map((row) => <Cells table={table} row={row} />)}
      ifEmpty={hasFilters || !isFirst ? "No row fits." : "The table has no rows."}
      isWide={read.columns.length > NARROW_COLUMNS_MAX}
    />
  );
}

/** The first column of the key leads to the row's own view, and a reference to the row that it names. */
function Cells({ table, row }: { table: Table; row: Row }) {
  const read = readable(table);
  const own = rowAddress(read, keyIn(read, row));
  return (
    <>
      {read.columns.map((column, index) => {
        const isFirstOfKey = index === read.key[0];
        const reference = table.references.find(
          ({ columns: [only, ...more] }) => more.length === 0 && table.columns[only ?? -1] === column,
        );
        const address = isFirstOfKey ? own : reference && parentAddress(table, reference, row);
        const text = <ShortValue column={column} value={row[index] ?? null} />;
        const content = address === undefined ? text : <a href={address}>{text}</a>;
        const style = isNumeric(column) ? "n" : isShort(column) ? "short" : "value";
        if (!isFirstOfKey) return <td class={style}>{content}</td>;
        return (
          <th scope="row" class={style}>
            {content}
          </th>
        );
      })}
    </>
  );
}

function Pages({ table, asked, page: { next, isFirst } }: { table: Table; asked: RowsAsked; page: Page }) {
  if (isFirst && next === undefined) return null;
  return (
    <nav class="pages" aria-label="Pages">
      {!isFirst && <a href={rowsAddress(table, queryOf(asked))}>First page</a>}
      {next !== undefined && (
        <a class="button" rel="next" href={rowsAddress(table, { ...queryOf(asked), cursor: next })}>
          Next page
        </a>
      )}
      {next === undefined && <span class="note">This is the last page.</span>}
    </nav>
  );
}

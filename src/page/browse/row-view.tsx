/** @jsxImportSource hono/jsx */
/** A row's own view: its values in full, the rows that it refers to, and the rows that refer to it. */
import { readable } from "../../codecs/readable-table.ts";
import type { Reference, Row, Table } from "../../codecs/tables.ts";
import { columnNames } from "./column-names.ts";
import { childrenAddress, parentAddress, rowsAddress } from "./row-addresses.ts";
import { ShortValue, WholeValue } from "./value.tsx";

/** @param row of readable(table) */
export function RowView({ table, row }: { table: Table; row: Row }) {
  const read = readable(table);
  const key = read.key.map((index) => read.columns[index]?.codec.toCsv(row[index] ?? null)).join(", ");
  return (
    <>
      <p class="path">
        <a href="page/tables">Tables</a> / <a href={rowsAddress(table)}>{table.name}</a>
      </p>
      <h1>
        {table.name} <bdi>{key}</bdi>
      </h1>
      <section class="card" aria-label="Values">
        <dl class="values">
          {read.columns.map((column, index) => (
            <>
              <dt>
                {column.name} <small>{typeText(column.sqlType)}</small>
              </dt>
              <dd>
                <WholeValue column={column} value={row[index] ?? null} />
              </dd>
            </>
          ))}
        </dl>
      </section>
      <div class="cards">
        {table.references.length > 0 && <Parents table={table} row={row} />}
        {table.referredBy.length > 0 && <Children table={table} row={row} />}
      </div>
    </>
  );
}

/** A type without its members, which can be many. */
const typeText = (sqlType: string) => sqlType.replace(/^(enum|set)\(.*$/s, "$1");

function Parents({ table, row }: { table: Table; row: Row }) {
  return (
    <section class="card" aria-labelledby="parents">
      <h2 id="parents">It refers to</h2>
      <ul class="links">
        {table.references.map((reference) => {
          const address = parentAddress(table, reference, row);
          const by = columnNames(table, reference.columns);
          return (
            <li>
              {address === undefined ? (
                <span class="note">no row of {reference.parent.name}</span>
              ) : (
                <a href={address}>
                  {reference.parent.name} <Values table={table} columns={reference.columns} row={row} />
                </a>
              )}{" "}
              <small>by {by}</small>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Children({ table, row }: { table: Table; row: Row }) {
  const references = table.referredBy.flatMap((child) =>
    child.references.filter(({ parent }) => parent === table).map((reference) => ({ child, reference })),
  );
  return (
    <section class="card" aria-labelledby="children">
      <h2 id="children">Rows that refer to it</h2>
      <ul class="links">
        {references.map(({ child, reference }) => {
          const address = childrenAddress(table, child, reference, row);
          return (
            <li>
              {address === undefined ? (
                <span class="note">no row of {child.name}</span>
              ) : (
                <a href={address}>Rows of {child.name}</a>
              )}{" "}
              <small>by {columnNames(child, reference.columns)}</small>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Values({ table, columns, row }: { table: Table; columns: Reference["columns"]; row: Row }) {
  return (
    <>
      {columns.map((index, place) => {
        const column = table.columns[index];
        if (!column) return null;
        return (
          <>
            {place > 0 && ", "}
            <ShortValue column={column} value={row[table.readable.indexOf(column)] ?? null} />
          </>
        );
      })}
    </>
  );
}

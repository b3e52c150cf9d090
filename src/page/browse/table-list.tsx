/** @jsxImportSource hono/jsx */
/** The tables, with their columns, keys, references and unique constraints. */
import type { Column, Table } from "../../codecs/tables.ts";
import { Table as Box } from "../parts/table.tsx";
import { columnNames } from "./column-names.ts";
import { rowsAddress } from "./row-addresses.ts";

/** With more tables than this, the page begins with a list of links. */
const UNLISTED_MAX = 6;

export function TableList({ tables }: { tables: readonly Table[] }) {
  return (
    <>
      <h1>Tables</h1>
      {tables.length > UNLISTED_MAX && (
        <nav class="index" aria-label="Tables">
          {tables.map(({ name }) => (
            <a href={`page/tables#table-${name}`}>{name}</a>
          ))}
        </nav>
      )}
      <div class="cards of-tables">
        {tables.map((table) => (
          <OneTable table={table} />
        ))}
      </div>
    </>
  );
}

function OneTable({ table }: { table: Table }) {
  const { name, readable, key, references, referredBy, uniques } = table;
  const id = `table-${name}`;
  return (
    <section class="card" aria-labelledby={id}>
      <div class="head">
        <h2 id={id}>{name}</h2>
        <a class="button" href={rowsAddress(table)}>
          Rows<span class="unseen"> of {name}</span>
        </a>
      </div>
      <Box
        caption={`Columns of ${name}`}
        columns={["Name", "Type", "If missing"]}
        rows={readable.map((column) => <ColumnCells table={table} column={column} />)}
        ifEmpty="none"
      />
      <dl>
        <dt>Key</dt>
        <dd>{columnNames(table, key)}</dd>
        {references.map(({ columns, parent, parentColumns }) => (
          <>
            <dt>Refers to</dt>
            <dd>
              <a href={`page/tables#table-${parent.name}`}>{parent.name}</a> ({columnNames(parent, parentColumns)}) by{" "}
              {columnNames(table, columns)}
            </dd>
          </>
        ))}
        {referredBy.length > 0 && <dt>Referred to by</dt>}
        {referredBy.map((child) => (
          <dd>
            <a href={`page/tables#table-${child.name}`}>{child.name}</a>
          </dd>
        ))}
        {uniques.map((unique) => (
          <>
            <dt>Unique</dt>
            <dd>
              {columnNames(table, unique.columns)} <small>{unique.name}</small>
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function ColumnCells({ table, column }: { table: Table; column: Column }) {
  const { name, sqlType, zone, aliases } = column;
  return (
    <>
      <th scope="row">
        {name} {aliases.length > 0 && <small>formerly {aliases.join(", ")}</small>}
      </th>
      <td>
        <code>{sqlType}</code> {zone !== undefined && <small>local time of {zone}</small>}
      </td>
      <td>{ifMissing(table, column)}</td>
    </>
  );
}

/** What a row has that is stored without a value for the column. */
function ifMissing({ columns }: Table, column: Column) {
  if (!columns.includes(column)) return "always computed by the server";
  if (column.isAssigned) return "numbered by the server";
  if (column.serverDefault !== undefined)
    return (
      <>
        the server computes <code>{column.serverDefault}</code>
      </>
    );
  if (column.fallback !== null) return <code>{column.codec.toCsv(column.fallback)}</code>;
  return column.required ? "rejected" : <i class="null">null</i>;
}

/** @jsxImportSource hono/jsx */
import type { Table as StoredTable } from "../../codecs/tables.ts";
import type { RowCount } from "../../repositories/row-counts.ts";
import { DEFAULT_YEAR } from "../../routes/reports.ts";
import { rowsAddress } from "../browse/row-addresses.ts";
import type { Part } from "../part.ts";
import { count } from "../parts/quantities.ts";
import { Table } from "../parts/table.tsx";

interface TablesCardProps {
  counted: readonly StoredTable[];
  /** In the same order. */
  rows: Part<RowCount[]>;
  /** How many tables there are. */
  all: number;
  hasReports: boolean;
}

export const TablesCard = ({ counted, rows, all, hasReports }: TablesCardProps) => (
  <section class="card" aria-labelledby="tables">
    <div class="head">
      <h2 id="tables">Rows stored</h2>
      <a href="page/tables">All tables</a>
    </div>
    <Table
      caption={all > counted.length ? `The first ${counted.length} of ${all} tables` : "By table"}
      columns={["Table", { name: "Rows", isNumber: true }]}
      rows={counted.map((table, index) => (
        <>
          <th scope="row">
            <a href={rowsAddress(table)}>{table.name}</a>
          </th>
          <td class="n">{rows.value ? <RowNumber {...rows.value[index]} /> : "–"}</td>
        </>
      ))}
      ifEmpty="No table"
    />
    {rows.unavailable !== undefined && <p class="bad">The rows cannot be counted now: {rows.unavailable}</p>}
    {hasReports && (
      <p>
        <a href={`page/reports?year=${DEFAULT_YEAR}`}>Hires in {DEFAULT_YEAR}</a>, by department, job and quarter
      </p>
    )}
  </section>
);

const RowNumber = ({ rows = 0, is = "exact" }: Partial<RowCount>) => (
  <span class={rows === 0 ? "zero" : undefined}>
    {is === "about" ? `about ${count(roundedOff(rows))}` : `${is === "over" ? "more than " : ""}${count(rows)}`}
  </span>
);

/** Two digits and zeros: an estimate is not more exact. */
function roundedOff(rows: number): number {
  const unit = 10 ** (rows.toFixed(0).length - 2);
  return Math.round(rows / unit) * unit;
}

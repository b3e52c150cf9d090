/** @jsxImportSource hono/jsx */
/** The whole quarterly report as a table that can be filtered and sorted. */
import type { PairHires } from "../../repositories/report-queries.ts";
import type { Part } from "../part.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { count, counted } from "../parts/quantities.ts";
import { type Column, Rows, Table } from "../parts/table.tsx";
import { type AskedReports, addressOf, FILTER_LENGTH_MAX, fieldsOf, nextOrder, VIEW } from "./asked-reports.ts";
import { DataLinks } from "./data-links.tsx";
import { type HiresRow, type HiresRows, hiresRows, NUMBERS, SORTS, type Sort } from "./hires-rows.ts";

/** The page shows this many rows. JSON and CSV have all of them. */
const ROWS_MAX = 2_000;

interface Report {
  asked: AskedReports;
  pairs: Part<PairHires[]>;
  /** The chosen department's name. */
  chosen: string | undefined;
}

export function HiresTable({ asked, pairs: { value: pairs = [], unavailable }, chosen }: Report) {
  const found = hiresRows(pairs, { department: undefined, ...asked });
  const isCut = found.rows.length > ROWS_MAX;
  return (
    <section class="card" aria-labelledby="table-title">
      <div class="head">
        <h2 id="table-title">By department and job</h2>
        <Filter asked={asked} />
      </div>
      <p class="note" id="shown" role="status">
        {unavailable === undefined && shownOf(found.rows.length, pairs.length, chosen)}
      </p>
      <div id="pairs">
        <Table
          caption={`Hires of ${asked.year} by department, job and quarter`}
          links={<DataLinks what="The whole report" address={`hired_2021_quarter?year=${asked.year}`} />}
          columns={SORTS.map((sort) => headOf(asked, sort))}
          rows={found.rows.slice(0, ROWS_MAX).map((row) => <Cells row={row} />)}
          totals={found.rows.length > 0 && <Totals found={found} />}
          ifEmpty={
            asked.filter === "" ? `No hires in ${asked.year}${chosen ? ` in ${chosen}` : ""}` : "No row fits the filter"
          }
          unavailable={unavailable}
          isWide
        />
        {isCut && (
          <p class="note">
            The first {count(ROWS_MAX)} of {count(found.rows.length)} rows are shown. The CSV file has all rows of the
            year.
          </p>
        )}
      </div>
    </section>
  );
}

function shownOf(rows: number, all: number, chosen: string | undefined): string {
  const of = rows === all ? "" : ` of ${count(all)}`;
  return `${count(rows)}${of} ${all === 1 ? "row" : "rows"}${chosen === undefined ? "" : `, only ${chosen}`}`;
}

/** While a person types, only what is around the field is changed, so no character is lost. */
function Filter({ asked }: { asked: AskedReports }) {
  return (
    <form action={VIEW} class="row">
      <HiddenFields fields={fieldsOf({ ...asked, filter: "" })} />
      <label for="filter">Filter</label>
      <input
        id="filter"
        name="filter"
        type="search"
        maxlength={FILTER_LENGTH_MAX}
        value={asked.filter}
        placeholder="Department or job"
        hx-get={VIEW}
        hx-trigger="input changed delay:250ms"
        hx-include="closest form"
        hx-target="#pairs"
        hx-select="#pairs"
        hx-select-oob="#shown:innerHTML,#years,#charts"
        hx-push-url="true"
        hx-sync="this:replace"
      />
      <button type="submit" class="without-js">
        Show
      </button>
    </form>
  );
}

const TITLES: Record<Sort, string> = {
  ...{ department: "Department", job: "Job", Q1: "Q1", Q2: "Q2", Q3: "Q3", Q4: "Q4", total: "Total" },
};
const ORDERS = { asc: "ascending", desc: "descending" } as const;
const ARROWS = { asc: " ↑", desc: " ↓" };

function headOf(asked: AskedReports, sort: Sort): Column {
  const isSorted = asked.sort === sort;
  const link = (
    <a id={`by-${sort}`} href={addressOf(asked, { sort, order: nextOrder(asked, sort) })}>
      {TITLES[sort]}
      {isSorted && <span aria-hidden="true">{ARROWS[asked.order]}</span>}
    </a>
  );
  const isNumber = sort !== "department" && sort !== "job";
  return { name: link, isNumber, sorted: isSorted ? ORDERS[asked.order] : undefined };
}

const Cells = ({ row }: { row: HiresRow }) => (
  <>
    <th scope="row">{row.department}</th>
    <td>{row.job}</td>
    {NUMBERS.map((name) => (
      <Rows rows={row[name]} />
    ))}
  </>
);

const Totals = ({ found: { rows, totals } }: { found: HiresRows }) => (
  <>
    <th scope="row" colspan={2}>
      Total of {counted(rows.length, "row")}
    </th>
    {NUMBERS.map((name) => (
      <Rows rows={totals[name]} />
    ))}
  </>
);

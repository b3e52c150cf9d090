/** @jsxImportSource hono/jsx */
/** The first rows of a file as they would be stored, with their verdicts. */
import type { Table as RowsOf } from "../../codecs/tables.ts";
import type { FileInspection } from "../../ingest/inspect-file.ts";
import type { InspectedRow } from "../../ingest/inspect-rows.ts";
import { count, counted } from "../parts/quantities.ts";
import { Table } from "../parts/table.tsx";

/** How much of the text of a rejected row is shown. */
const RAW_CHARACTERS_MAX = 300;
const REASONS_SHOWN = 10;

export function FirstRows({ table, inspection }: { table: RowsOf; inspection: FileInspection }) {
  const { rows, reasons, notes, counts } = inspection;
  const columns = table.columns.map(({ name }) => name);
  const more = reasons.length - REASONS_SHOWN;
  return (
    <section class="card" aria-labelledby="first-rows">
      <h2 id="first-rows">The first rows as they would be stored</h2>
      <p>
        {counts.read === 1 ? "The first row was" : `The first ${counted(counts.read, "row")} were`} judged:{" "}
        <Verdicts counts={counts} />.
      </p>
      {reasons.length > 0 && (
        <ul class="reasons">
          {reasons.slice(0, REASONS_SHOWN).map(({ code, field, rows: number, detail }) => (
            <li>
              <b>{code}</b>
              {field !== undefined && ` (${field})`}: {counted(number, "row")}, such as: {detail}
            </li>
          ))}
          {more > 0 && <li>and {more} more reasons</li>}
        </ul>
      )}
      {notes.map((note) => (
        <p class="note">{note}</p>
      ))}
      <Table
        caption={`The first ${counted(rows.length, "row")} of ${table.name}`}
        columns={["Position", "Verdict", ...columns]}
        rows={rows.map((row) => <Cells row={row} columns={columns} />)}
        ifEmpty="No row could be read"
        isWide
      />
    </section>
  );
}

const VERDICTS = { inserted: "new", unchanged: "stored already", rejected: "rejected" } as const;
const LOOKS = { inserted: "good", unchanged: "note", rejected: "bad" } as const;

/** `1 would be inserted, 0 are stored already, 2 would be rejected` */
function Verdicts({ counts }: { counts: FileInspection["counts"] }) {
  return (
    <>
      <b class="good">{count(counts.inserted)} would be inserted</b>, {count(counts.unchanged)} are stored already,{" "}
      <b class={counts.rejected > 0 ? "bad" : undefined}>{count(counts.rejected)} would be rejected</b>
    </>
  );
}

function Cells({
  row: { position, status, row, raw = "", reasons = [] },
  columns,
}: {
  row: InspectedRow;
  columns: string[];
}) {
  return (
    <>
      <th scope="row">{position}</th>
      <td>
        <span class={`tag ${LOOKS[status]}`}>{VERDICTS[status]}</span>
      </td>
      {row ? (
        columns.map((name) => <td>{shownValue(row[name])}</td>)
      ) : (
        <td colspan={columns.length}>
          <code>{raw.length > RAW_CHARACTERS_MAX ? `${raw.slice(0, RAW_CHARACTERS_MAX)}…` : raw}</code>
          {reasons.map(({ code, detail }) => (
            <small>
              <b class="bad">{code}</b> {detail}
            </small>
          ))}
        </td>
      )}
    </>
  );
}

/** A value as JSON has it. */
function shownValue(value: unknown) {
  if (value === null || value === undefined) return <span class="zero">null</span>;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

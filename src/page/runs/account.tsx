/** @jsxImportSource hono/jsx */
/** What became of the rows of each table, so that the sum can be checked by eye. */
import type { RunCounts } from "../../db/ledger.ts";
import { sumOf } from "../../ingest/counts.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { count } from "../parts/quantities.ts";
import { type Column, Table } from "../parts/table.tsx";
import { VerdictBar } from "../parts/verdict-bar.tsx";

/** Rows that a restore deletes are not in the backup, so they do not belong to the sum. */
const BESIDE_THE_SUM = "deleted";

type Counts = RunCounts[string] | ReturnType<typeof sumOf>;

export function Account({ run, caption }: { run: RunRecord; caption: string }) {
  const { id, counts, kind, dry_run } = run;
  const tables = Object.entries(counts);
  const sum = sumOf(counts);
  const verdicts = Object.keys(sum).filter((verdict) => verdict !== "received");
  const isDrawn = tables.length > 1;
  const row = (name: string, each: Counts) => (
    <Row
      {...{ name, counts: each, verdicts, isDrawn }}
      rejections={dry_run ? undefined : `page/rejections?run=${id}`}
    />
  );
  return (
    <Table
      caption={caption}
      columns={[
        "Table",
        { name: kind === "restore" || kind === "backup" ? "In the backup" : "Received", isNumber: true },
        ...verdicts.map(headingOf),
        ...(isDrawn ? [{ name: <span class="unseen">As a bar</span> }] : []),
      ]}
      rows={[...tables.map(([name, each]) => row(name, each)), ...(isDrawn ? [row("All tables", sum)] : [])]}
      ifEmpty="It ended before a table was finished: no row was stored."
      isWide
    />
  );
}

/** The first column is headed `= Inserted`, and the next ones `+ Unchanged`. */
function headingOf(verdict: string, index: number): Column {
  const name = `${verdict.slice(0, 1).toUpperCase()}${verdict.slice(1)}`;
  if (verdict === BESIDE_THE_SUM) return { name: "Beside these: deleted", isNumber: true };
  return { name: `${index === 0 ? "=" : "+"} ${name}`, isNumber: true };
}

interface RowProps {
  name: string;
  counts: Counts;
  verdicts: readonly string[];
  /** Whether the row has a bar of its own. */
  isDrawn: boolean;
  /** The address of the run's rejections. Undefined if it keeps none. */
  rejections: string | undefined;
}

function Row({ name, counts, verdicts, isDrawn, rejections }: RowProps) {
  const numbers: Record<string, number> = { ...counts };
  return (
    <>
      <th scope="row">{name}</th>
      <td class="n">{count(counts.received)}</td>
      {verdicts.map((verdict) => {
        const rows = numbers[verdict] ?? 0;
        const isLink = verdict === "rejected" && rows > 0 && rejections !== undefined;
        return (
          <td class={rows === 0 ? "n zero" : "n"}>{isLink ? <a href={rejections}>{count(rows)}</a> : count(rows)}</td>
        );
      })}
      {isDrawn && (
        <td class="drawn">
          <VerdictBar counts={counts} />
        </td>
      )}
    </>
  );
}

/** @jsxImportSource hono/jsx */
/** Runs in a table, with a bar for each. */
import type { Child } from "hono/jsx";
import { sumOf } from "../../ingest/counts.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { Age, Instant } from "./instant.tsx";
import { count } from "./quantities.ts";
import { durationOf, rateOf, Status, shortSource, titleOf } from "./run-facts.tsx";
import { Table } from "./table.tsx";
import { VerdictBar } from "./verdict-bar.tsx";

interface RunTableProps {
  caption: string;
  links?: Child;
  runs: readonly RunRecord[];
  unavailable?: string | undefined;
}

export const RunTable = ({ runs, ...table }: RunTableProps) => (
  <div class="runs">
    <Table
      {...table}
      columns={["Run", "Status", "Rows", "Started", { name: "Took", isNumber: true }, { name: "Rate", isNumber: true }]}
      rows={runs.map((run) => <Row run={run} />)}
      ifEmpty="No runs yet"
      isWide
    />
  </div>
);

const Row = ({ run }: { run: RunRecord }) => (
  <>
    <th scope="row">
      <a href={`page/runs/${run.id}`}>{titleOf(run)}</a> <small>{shortSource(run)}</small>
      <small class="narrow-only">
        <Age at={run.started_at} />
      </small>
    </th>
    <td>
      <Status run={run} />
      {run.error !== null && <small class="bad">{run.error}</small>}
    </td>
    <td class="drawn">
      <Rows run={run} />
    </td>
    <td>
      <Instant at={run.started_at} />
    </td>
    <td class="n">{durationOf(run)}</td>
    <td class="n">{rateOf(run)}</td>
  </>
);

function Rows({ run: { id, counts, progress, dry_run } }: { run: RunRecord }) {
  const sum = sumOf(counts);
  if (progress !== null)
    return (
      <small>
        {progress.table} {progress.phase}, {count(progress.rows)} rows so far
      </small>
    );
  if (Object.keys(counts).length === 0) return <small>no table finished</small>;
  return (
    <>
      <VerdictBar counts={sum} />
      {!dry_run && (sum.rejected ?? 0) > 0 && <a href={`page/rejections?run=${id}`}>Rejections</a>}
    </>
  );
}

/** @jsxImportSource hono/jsx */
import type { RunRecord } from "../../repositories/run-log.ts";
import { RunTable } from "../parts/run-table.tsx";

interface RunListProps {
  /** Newest first. */
  runs: readonly RunRecord[];
  /** Undefined on the first page. */
  before: string | undefined;
  /** The next page begins before this run. Undefined on the last page. */
  older: string | undefined;
}

export const RunList = ({ runs, before, older }: RunListProps) => (
  <section class="card" aria-label="Runs">
    <RunTable
      caption={before === undefined ? "The newest runs first" : "Older runs, newest first"}
      runs={runs}
      links={
        <a href="runs?spreadsheet=true" download="runs.csv">
          All as CSV
        </a>
      }
    />
    <p class="row">
      {before !== undefined && <a href="page/runs">Newest runs</a>}
      {older !== undefined && <a href={`page/runs?before=${older}`}>Older runs</a>}
    </p>
  </section>
);

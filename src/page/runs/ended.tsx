/** @jsxImportSource hono/jsx */
/** A run that has ended: its account, and what can be done next. */
import { has, type Role } from "../../http/env.ts";
import { sumOf } from "../../ingest/counts.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { Facts } from "../parts/facts.tsx";
import { Instant } from "../parts/instant.tsx";
import { backupOf, durationOf, isPlan, rateOf, Status, titleOf } from "../parts/run-facts.tsx";
import { VerdictBar } from "../parts/verdict-bar.tsx";
import { Account } from "./account.tsx";
import { OUTCOME } from "./live.tsx";

interface EndedProps {
  run: RunRecord;
  role: Role;
}

/** What the last event of a run puts into its page. Its second part is said by screen readers. */
export const EndedEvent = ({ run, role }: EndedProps) => (
  <>
    <Ended run={run} role={role} />
    <p id={OUTCOME} class="unseen" role="status" hx-swap-oob="innerHTML">
      {titleOf(run)}: {run.status}
    </p>
  </>
);

export function Ended({ run, role }: EndedProps) {
  const { id, dry_run, error, counts, started_at, finished_at } = run;
  const hasVerdicts = Object.keys(sumOf(counts)).length > 1;
  return (
    <>
      <section class="card" aria-labelledby="account">
        <div class="head">
          <h2 id="account">Account</h2>
          <div>
            <Status run={run} />
          </div>
        </div>
        {dry_run && <p class="notice">{dryRunText(run)}</p>}
        {error !== null && <p class="bad">{error}</p>}
        {Object.keys(counts).length > 0 && <VerdictBar counts={sumOf(counts)} />}
        <Account run={run} caption={hasVerdicts ? "Every row is in one of these columns" : "The rows of each table"} />
        <Next run={run} role={role} />
      </section>
      <section class="card" aria-label="About this run">
        <Facts
          facts={[
            ["Started", <Instant at={started_at} />],
            ["Ended", <Instant at={finished_at ?? started_at} />],
            ["Took", durationOf(run) ?? "too short to tell"],
            ["Rate", rateOf(run) ?? (sumOf(counts).received === 0 ? "no rows" : "too short to tell")],
            ["Source", run.source ?? "none"],
            [
              "Id",
              <>
                <code>{id}</code> <a href={`runs/${id}`}>JSON</a>
              </>,
            ],
          ]}
        />
      </section>
    </>
  );
}

function dryRunText(run: RunRecord): string {
  if (run.kind !== "restore")
    return "A dry run: nothing was stored. An import would insert the rows that are withheld here.";
  return isPlan(run)
    ? "A plan: nothing was changed. The account says what the restore would do."
    : "A proof: the backup was restored beside the tables and compared. The tables were not changed.";
}

/** Whether a file was sent: on the page, or by a request. */
const isUpload = ({ kind, source }: RunRecord): boolean => kind === "import" && (source ?? "").startsWith("upload:");

/** Links to what a person does after such a run. A dry run keeps no rejections. */
function Next({ run, role }: EndedProps) {
  const { id, status, counts, dry_run } = run;
  const backup = has(role, "admin") ? backupOf(run) : undefined;
  return (
    <p class="row">
      {!dry_run && (sumOf(counts).rejected ?? 0) > 0 && (
        <>
          <a class="button" href={`page/rejections?run=${id}`}>
            See and mend the rejected rows
          </a>
          <a href={`rejections?run=${id}&spreadsheet=true`}>Rejected rows for a spreadsheet (CSV)</a>
        </>
      )}
      {backup !== undefined && isPlan(run) && status === "succeeded" && (
        <a class="button main" href={`page/backups/${backup}/restore?plan=${id}`}>
          Restore these tables
        </a>
      )}
      {isUpload(run) && has(role, "writer") && <a href="page/load">Load a file</a>}
      {backup !== undefined && <a href={`page/backups/${backup}`}>To the backup</a>}
    </p>
  );
}

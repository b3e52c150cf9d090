/** @jsxImportSource hono/jsx */
/** A run under way. Server-sent events renew its progress, and at its end put the account in its place. */
import { has, type Role } from "../../http/env.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { Instant } from "../parts/instant.tsx";
import { count, durationText } from "../parts/quantities.ts";
import { Status } from "../parts/run-facts.tsx";
import { Account } from "./account.tsx";

/** The element that holds the run, and the one whose text screen readers say when the run has ended. */
export const OUTCOME = "outcome";
const RUN = "run";

interface FollowingProps {
  run: RunRecord;
  /** Somebody has asked to cancel it. */
  isCancelled: boolean;
  role: Role;
}

export function Following({ run, isCancelled, role }: FollowingProps) {
  const mayCancel = run.kind === "import" && has(role, "writer");
  return (
    <>
      <p id={OUTCOME} class="unseen" role="status" />
      <div id={RUN} hx-ext="sse" sse-connect={`page/runs/${run.id}/events`} sse-close="ended">
        <section class="card" aria-label="Progress">
          <div sse-swap="progress">
            <Progress run={run} />
          </div>
          <div sse-swap="ended" hx-target={`#${RUN}`} />
          <p class="without-js">Reload this page to see how far the run has come.</p>
          {isCancelled ? (
            <p class="busy">Asked to cancel. The import ends soon, and stores nothing more.</p>
          ) : (
            mayCancel && <Cancel id={run.id} />
          )}
        </section>
      </div>
    </>
  );
}

const Cancel = ({ id }: { id: string }) => (
  <form method="post" action={`page/runs/${id}/cancel`}>
    <button class="danger" type="submit">
      Cancel
    </button>{" "}
    <span class="note">Tables that are imported already stay as they are.</span>
  </form>
);

/** How far the run has come. It stands outside the form, so that the button keeps the focus when this is renewed. */
export function Progress({ run }: { run: RunRecord }) {
  const { progress, counts, started_at } = run;
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(started_at)) / 1000));
  return (
    <>
      <p>
        <Status run={run} /> since <Instant at={started_at} />, {durationText(seconds)}
      </p>
      {progress === null ? <Bar label="It has begun" /> : <Step {...progress} />}
      {Object.keys(counts).length > 0 && <Account run={run} caption="Tables that are finished" />}
    </>
  );
}

function Step({ table, phase, rows, rejected, bytes, of, rows_per_s }: NonNullable<RunRecord["progress"]>) {
  const label = table === "" ? phase : `${table}: ${phase}`;
  return (
    <>
      <Bar label={label} at={bytes ?? rows} of={of} />
      <p>
        {label}
        {rows > 0 && `, ${count(rows)} rows`}
        {rows_per_s !== undefined && `, ${count(rows_per_s)} a second`}
        {rejected > 0 && `, ${count(rejected)} rejected so far`}
      </p>
    </>
  );
}

/** @param props.of undefined if the total is not known: the bar then shows only that work goes on */
const Bar = ({ label, at = 0, of }: { label: string; at?: number; of?: number | undefined }) =>
  of === undefined ? (
    <progress aria-label={label} />
  ) : (
    <progress aria-label={label} max={Math.max(of, 1)} value={Math.min(at, of)} />
  );

/** @jsxImportSource hono/jsx */
/** A run in words: what it was, its status, and how fast it was. */
import { sumOf, whollyRejected } from "../../ingest/counts.ts";
import { backupIn, type RunRecord } from "../../repositories/run-log.ts";
import { secondsBetween } from "./instant.tsx";
import { count, durationText } from "./quantities.ts";

/** What a run is called, such as `Dry run of an import`. */
export function titleOf({ kind, dry_run, source }: RunRecord): string {
  if (!dry_run) return `${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`;
  if (kind !== "restore") return `Dry run of an ${kind}`;
  return isPlan({ kind, dry_run, source }) ? "Plan of a restore" : "Proof of a backup";
}

/** The source in short: a backup's id alone, and the digest of an uploaded file cut. The run's page has all of it. */
export function shortSource({ source }: RunRecord): string {
  const backup = backupIn(source);
  if (backup !== "") return backup;
  return source?.replace(/^upload:sha256:([0-9a-f]{12})[0-9a-f]{52}/, "an uploaded file (sha256 $1…)") ?? "";
}

/** Whether a run planned a restore. A verification is the other kind of restore that stores nothing. */
export const isPlan = ({ kind, dry_run, source }: Pick<RunRecord, "kind" | "dry_run" | "source">): boolean =>
  kind === "restore" && dry_run && source?.endsWith("(plan)") === true;

/** The backup that a run made, restored or read. Undefined for other runs, and for a backup that was not finished. */
export function backupOf({ kind, source, status }: RunRecord): string | undefined {
  const id = kind === "backup" && status === "succeeded" ? source : backupIn(source);
  return id === null || id === "" ? undefined : id;
}

const TONES = {
  ...{ running: "busy", publishing: "busy" },
  ...{ succeeded: "good", failed: "bad", refused: "bad" },
} as const satisfies Record<RunRecord["status"], string>;

/** The status, with a note if it was a dry run, or if it succeeded although every row of a table was rejected. */
export function Status({ run: { status, dry_run, counts } }: { run: RunRecord }) {
  const rejected = status === "succeeded" ? whollyRejected(counts) : [];
  return (
    <>
      <span class={`tag ${rejected.length > 0 ? "busy" : TONES[status]}`}>{status}</span>
      {rejected.length > 0 && <small class="busy">every row of {rejected.join(", ")} was rejected</small>}
      {dry_run && <small>nothing was stored</small>}
    </>
  );
}

/** How long a run took. Undefined if it has not ended, or was too short to tell, as inserts are. */
export function durationOf({ started_at, finished_at }: RunRecord): string | undefined {
  const seconds = secondsBetween(started_at, finished_at);
  return seconds ? durationText(seconds) : undefined;
}

/** How fast a run was, such as `12,345 rows/s`. Undefined if it has not ended, had no rows, or was too short to tell. */
export function rateOf({ counts, started_at, finished_at }: RunRecord): string | undefined {
  const seconds = secondsBetween(started_at, finished_at);
  const { received } = sumOf(counts);
  if (!seconds || received === 0) return undefined;
  return `${count(Math.round(received / seconds))} rows/s`;
}

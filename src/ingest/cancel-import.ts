import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import { clearDeadRuns } from "../publish/recovery.ts";
import { askToCancel, findRun, type RunRecord } from "../repositories/run-log.ts";

/**
 * Asks to cancel a running import, whichever process works on it. Its run shows when it has ended.
 * @returns the run in its present state
 * @throws MusterError `not_found`, or `conflict` if the run has ended or is no import
 */
export async function cancelImport(database: Database, id: string): Promise<RunRecord> {
  const run = await existingRun(database, id);
  if (run.finished_at !== null) throw new MusterError("conflict", `run ${run.id} has ended: it ${run.status}`);
  if (run.kind !== "import")
    throw new MusterError(
      "conflict",
      `run ${run.id} is a ${run.kind}, and only imports can be cancelled: wait for its end`,
    );
  await askToCancel(database.db, run.id);
  // If the run's process is dead, this ends the run. It may take a while, so the caller does not wait for it.
  clearDeadRuns(database, () => {}).catch(() => {});
  return run;
}

/** @throws MusterError `not_found` */
export async function existingRun({ db }: Database, id: string): Promise<RunRecord> {
  const run = await findRun(db, id);
  if (!run) throw new MusterError("not_found", `there is no run ${id}`);
  return run;
}

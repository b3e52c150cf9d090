import type { Database } from "../db/database.ts";
import type { RunKind } from "../db/ledger.ts";
import { failRun } from "../publish/recovery.ts";
import { type Beginning, type BegunRun, beginRun, type LiveRun } from "../repositories/live-run.ts";
import { Pulse } from "../repositories/pulse.ts";
import type { Report } from "../repositories/run-log.ts";

/** How a backup, restore or verification reports, and how its run begins. */
export interface RunOptions {
  /** If its signal aborts, the run ends with nothing changed. */
  report: Report;
  /** Called in the transaction that writes the run's row. */
  begin?: Beginning | undefined;
  /** The caller has entered `database.longRuns`, and will leave it. If not, the run waits for a place there. */
  hasPlace?: boolean;
}

/**
 * Records a run. Its `finish` calls `work`, and meanwhile writes the progress that `work` reports into the run's row. If `work`
 * throws, the run has failed. If it does not, it has ended the run itself.
 */
export async function beginWork<Outcome>(
  database: Database,
  { kind, source, dryRun = false }: { kind: RunKind; source: string; dryRun?: boolean },
  options: RunOptions,
  work: (run: LiveRun, report: Report) => Promise<Outcome>,
): Promise<BegunRun<Outcome>> {
  const pulse = new Pulse(database, options.report);
  const { report } = pulse;
  const { begin, hasPlace = false } = options;
  const run = await beginRun(database, kind, source, { begin, dryRun, hasPlace });
  return {
    run: run.id,
    finish: async () => {
      pulse.start(run.id);
      try {
        return await work(run, report);
      } catch (error) {
        throw await failRun(database, run, error, report);
      } finally {
        await pulse.stop();
        await run.close();
      }
    },
    abandon: async (error) => void (await failRun(database, run, error, report).finally(run.close)),
  };
}

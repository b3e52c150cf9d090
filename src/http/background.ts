import type { Context } from "hono";
import type { Logger } from "pino";
import type { RunOptions } from "../backups/begin.ts";
import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import type { BegunRun } from "../repositories/live-run.ts";
import type { Env } from "./env.ts";
import { logFailure } from "./log.ts";
import type { WorkUnderWay } from "./under-way.ts";

/** How long a person waits for the end of another backup, restore or verification, before the answer is 503. */
const PLACE_MS_MAX = 3_000;

interface Background {
  database: Database;
  work: WorkUnderWay;
  log: Logger;
  /** Milliseconds that the run may take to begin. After that the answer is 503. */
  msMax: number;
}

/**
 * Begins a backup, restore or verification, which goes on after the answer.
 * @param subject names it in the log
 * @param begin records its run
 * @returns the run's id
 * @throws MusterError `unavailable` if as many of them are under way as this process takes, or what `begin` throws
 */
export async function inBackground(
  c: Context<Env>,
  { database, work, log, msMax }: Background,
  subject: string,
  begin: (options: RunOptions) => Promise<BegunRun>,
): Promise<string> {
  await using held = new AsyncDisposableStack();
  const place = await work.enter([work.backups, database.longRuns], c.req.raw.signal, PLACE_MS_MAX);
  if (!place) throw new MusterError("unavailable", BUSY);
  held.use(place);
  const report = { say: (line: string) => log.info(line), signal: work.stopping };
  const beginning = begin({ report, hasPlace: true }).then((begun) => ({ begun }));
  const { begun } = await work.goOn(beginning, {
    ...{ msMax, held },
    finish: async ({ run, finish }) => {
      try {
        await finish();
        log.info({ run }, `${subject} ${run} succeeded`);
      } catch (error) {
        logFailure(log, { run }, `${subject} ${run}`, error);
      }
    },
  });
  c.set("run", begun.run);
  return begun.run;
}

const BUSY =
  "another backup, restore or verification is under way, or as many imports as fit beside it: nothing was done; try again when it has ended";

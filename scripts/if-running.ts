/** --if-running: what a command does if another run of its kind is under way in the same database. */
import type { RunKind } from "../src/db/ledger.ts";
import { type IfRunning, showKind, takeKindTurn, underWayText } from "../src/repositories/kind-turn.ts";
import { escaped } from "../src/shown.ts";
import { say } from "./progress.ts";
import type { DatabaseContext, Outcome } from "./run-command.ts";

export const FOR_REAL_RUNS =
  "--if-running is for runs that store something: leave it out, since this one stores nothing";

/** Wraps the work of a command so that it keeps, or waits for, the turn of its kind. Without --if-running it just runs. */
export function inTurn(
  kind: RunKind,
  ifRunning: IfRunning | undefined,
  work: (context: DatabaseContext) => Promise<Outcome>,
): (context: DatabaseContext) => Promise<Outcome> {
  return async (context) => {
    const { database, signal } = context;
    if (ifRunning === undefined) {
      // The other kinds are seen by their run's row. A replay has none until a batch is committed.
      const close = kind === "replay" ? await showKind(database, kind) : undefined;
      return await work(context).finally(close);
    }
    const turn = await takeKindTurn(database, kind, ifRunning, { say: (line) => say(escaped(line)), signal });
    if (!turn.isTaken) {
      const { underWay = null } = turn;
      const error = escaped(`skipped: ${underWayText(kind, turn.underWay)}; --if-running wait waits for its end`);
      return { status: "skipped", error, facts: { under_way: underWay } };
    }
    return await work(context).finally(turn.close);
  };
}

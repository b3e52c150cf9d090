/**
 * Moments at which a test can stop a process: a crash between two statements is hit for certain, not by luck.
 * Each is named for what has just happened. Costs a comparison unless MUSTER_DEBUG_POINT is set, which only tests do.
 */
import { readSync, writeSync } from "node:fs";

export type DebugPoint =
  /** A batch is committed in its stage, and later ones are not: a stage that nobody will finish must go. */
  | "rows staged"
  /** The stage has its indexes; the gate is still open: a writer may come first, and then the table is not empty. */
  | "indexes added"
  /** The stage has foreign keys, so it holds its parents' rows, and the run's row does not name it yet. */
  | "foreign keys added"
  /** The run's row announces a swap that has not happened: the next command must take the note back. */
  | "swap noted"
  /** The stage is the table, and nobody has judged the old one: the next command must judge, and may have to rename back. */
  | "renamed"
  /** The old table is dropped, so there is no way back, and the run's row does not say that the table is published. */
  | "old table dropped"
  /** The table is published and recorded; its foreign keys still have the stage's names. */
  | "swap recorded"
  /** All is done but the note in the run's row. */
  | "foreign keys named"
  /** A restore has seen that nobody refers to the rows that go: nobody may begin to before they are deleted. */
  | "referrers checked"
  /** Rows, counts and the run's end are written in a transaction that is not committed. */
  | "rows inserted"
  | "rows replaced"
  /** The run has succeeded, and its stages are still there. */
  | "run ended"
  /** A backup has all its files and no manifest: it must not count as a backup. */
  | "files written"
  /** The backup is complete in the store, and the run's row does not say so. */
  | "backup complete";

/** The point to stop at. A process stops once: if a test lets it go on, it runs to its end. */
let awaited = process.env.MUSTER_DEBUG_POINT;

/** Says on stderr that the point is reached, and stops the whole process until it gets a byte on stdin, or is killed. */
export function debugPoint(name: DebugPoint): void {
  if (name !== awaited) return;
  awaited = undefined;
  writeSync(process.stderr.fd, `stopped at the debug point: ${name}\n`);
  readSync(process.stdin.fd, Buffer.alloc(1));
}

/**
 * Points at which a test can stop a process, so that it tests a crash between two statements for certain, and not by luck.
 * Each is named for what has just happened. Only tests set MUSTER_DEBUG_POINT. Without it a point costs one comparison.
 * src/publish/swap.ts lists the steps of a swap, and what the next command does if the run dies after each.
 */
import { readSync, writeSync } from "node:fs";

export type DebugPoint =
  /** A batch is committed in its stage, and later ones are not. If the run dies now, the next command must drop the stage. */
  | "rows staged"
  /** The server has judged the stage's rows, and the rejected ones are logged. Those that are not stored are still in it. */
  | "stage judged"
  /** The stage has its indexes, and the table's gate is still open. A writer may insert first: then the table is not empty. */
  | "indexes added"
  /** The stage has foreign keys, so the parents of its rows cannot be deleted. The run's row does not name the stage yet. */
  | "foreign keys added"
  /** The run's row has the note of a swap that has not happened. The next command must take the note back. */
  | "swap noted"
  /** The stage has become the table. The next command must check the old table, and drop it or rename back. */
  | "renamed"
  /** The old table is dropped, so there is no way back. The run's row does not say yet that the table is published. */
  | "old table dropped"
  /** The run's row says that the table is published. The table's foreign keys still have the stage's names. */
  | "swap recorded"
  /** The swap is finished, but its note is still in the run's row. */
  | "foreign keys named"
  /** A restore has seen that no row refers to the rows that it will delete. None may begin to refer to them before that. */
  | "referrers checked"
  /** Both this and the next: rows, counts and the run's end are written, in a transaction that is not committed yet. */
  | "rows inserted"
  | "rows replaced"
  /** The run has succeeded, and its stages are still there. */
  | "run ended"
  /** A backup has all its files and no manifest yet. It must not count as a backup. */
  | "files written"
  /** The backup is complete in the store, and the run's row does not say so yet. */
  | "backup complete";

/** A process stops once: if a test lets it go on, it runs to its end. */
let awaited: string | undefined;

/** Sets the point to stop at. The programs call it with MUSTER_DEBUG_POINT. */
export function stopAt(point: string | undefined): void {
  awaited = point;
}

/** Says on stderr that the point is reached, and stops the whole process until it gets a byte on stdin, or is killed. */
export function debugPoint(name: DebugPoint): void {
  if (name !== awaited) return;
  awaited = undefined;
  writeSync(process.stderr.fd, `stopped at the debug point: ${name}\n`);
  readSync(process.stdin.fd, Buffer.alloc(1));
}

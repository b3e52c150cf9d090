/** What `import` and `replay` do with --rejects FILE. */

import { called } from "../src/build.ts";
import { lineOf } from "../src/db/driver-errors.ts";
import { writeRejects } from "../src/ingest/rejects-file.ts";
import type { MusterDatabase } from "../src/repositories/muster-database.ts";
import { escaped } from "../src/shown.ts";
import type { Outcome } from "./run-command.ts";

/** How many rows of all tables were rejected. */
export const rejectedRows = (tables: Record<string, { rejected: number }>): number =>
  Object.values(tables).reduce((sum, { rejected }) => sum + rejected, 0);

interface Written {
  /** What to do with the file, if there is one. */
  text?: string;
  facts?: object;
  /** The file could not be written. */
  failure?: Pick<Outcome, "status" | "error">;
}

/**
 * Writes the rejections of the runs to a file, if the user asks for it.
 * @param what has been done, as the error message calls it
 */
export async function rejectsWritten(
  database: MusterDatabase,
  { runs, path, what }: { runs: readonly string[]; path: string | undefined; what: string },
): Promise<Written> {
  if (path === undefined) return {};
  const name = escaped(path);
  try {
    const rows = await writeRejects(database, runs, path);
    const facts = { rejects: rows === 0 ? null : { file: path, rows } };
    if (rows === 0) return { facts };
    const text = `${rows === 1 ? "1 rejected row is" : `${rows} rejected rows are`} in ${name}: correct them there, then run: ${called("replay")} ${name}`;
    return { facts, text };
  } catch (error) {
    const again = `run ${called("replay")} --run ${runs.at(-1)} --rejects FILE to get the rejected rows`;
    return { failure: { status: "failed", error: `${what} is done, but ${lineOf(error)}; ${again}` } };
  }
}

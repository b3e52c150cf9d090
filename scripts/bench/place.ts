/** Where the benches run: the server, the files, and what every bench does there. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { MusterError } from "../../src/errors.ts";
import type { Files } from "./files.ts";
import { type Measured, measure } from "./process.ts";
import type { BenchServer } from "./server.ts";

export interface Place {
  server: BenchServer;
  files: Files;
  /** A folder for the files that a bench writes. */
  scratch: string;
  /** The tables were filled from the files, and have not been emptied since. */
  isFilled: boolean;
  signal: AbortSignal;
}

/** How many threads a peer may use, if it can use several. */
export const THREADS = availableParallelism();

export async function emptyTables(place: Place): Promise<void> {
  await reset(place);
  await place.server.settle();
}

async function reset(place: Place): Promise<void> {
  place.isFilled = false;
  await place.server.reset();
}

/** Fills the tables from the files, unless they are full already. */
export async function fillTables(place: Place): Promise<void> {
  const { files } = place;
  // A peer that failed may have left a part of the rows.
  if (place.isFilled && (await rowsStored(place).catch(() => undefined)) === files.good) return;
  await reset(place);
  await checked(place, () => ours(place, "import", files.folder))();
  place.isFilled = true;
}

/** Empties hired_employees, and fills the tables that it points at. */
export async function fillParents(place: Place): Promise<void> {
  const { server, files } = place;
  await reset(place);
  for (const parents of ["departments", "jobs"]) await ours(place, "import", files.folder, "--table", parents);
  await server.settle();
}

/** One of our commands, as a user runs it. */
export function ours({ server, scratch, signal }: Place, name: string, ...words: string[]): Promise<Measured> {
  return measure({
    arguments: [process.execPath, `scripts/${name}.ts`, ...words],
    environment: { DATABASE_URL: server.url, BACKUP_STORE: join(scratch, "backups") },
    signal,
  });
}

/** One of our commands. It fails unless it counts all good rows as `verdict`. */
export async function counted(
  place: Place,
  verdict: "received" | "unchanged",
  name: string,
  ...words: string[]
): Promise<Measured> {
  const measured = await ours(place, name, ...words, "--json");
  const found = JSON.parse(measured.stdout).tables.hired_employees[verdict];
  if (found === place.files.good) return measured;
  throw new MusterError("unavailable", `${name}: ${found} rows are ${verdict}, not ${place.files.good}`);
}

/** A run that fails unless every good row is stored after it. */
export function checked(place: Place, run: () => Promise<Measured>): () => Promise<Measured> {
  return async () => {
    const measured = await run();
    const found = await rowsStored(place);
    if (found !== place.files.good)
      throw new MusterError("unavailable", `${found} rows are stored, not ${place.files.good}`);
    return measured;
  };
}

async function rowsStored({ server }: Place): Promise<unknown> {
  const [row] = await server.run("SELECT COUNT(*) AS found FROM hired_employees");
  return row?.found;
}

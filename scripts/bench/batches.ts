/** What the processes of the service benches share: the rows they send, how many at once, and how they say how long it took. */

/** Connections that both sides use, each with one request or statement at a time. */
export const CONNECTIONS = 8;
export const ROWS_PER_BATCH = 1_000;
export const ROWS_PER_PAGE = 100;
/** Reports asked for one after the other, after one that is not timed. */
export const REPORTS = 10;

/** name, datetime as MySQL writes it, department_id, job_id. */
export type Cells = [string, string, number, number];

/** The rows of a clean hired_employees.csv without their ids, in batches. */
export async function readBatches(file: string): Promise<Cells[][]> {
  const lines = (await Bun.file(file).text()).trimEnd().split("\n");
  const batches: Cells[][] = [];
  for (let start = 0; start < lines.length; start += ROWS_PER_BATCH) {
    batches.push(lines.slice(start, start + ROWS_PER_BATCH).map(cellsOf));
  }
  return batches;
}

function cellsOf(line: string): Cells {
  const [, name = "", datetime = "", department, job] = line.split(",");
  return [name, datetime, Number(department), Number(job)];
}

/** Runs the work of every connection at once. */
export async function inParallel(
  work: (connection: number) => Promise<void>,
  connections = CONNECTIONS,
): Promise<void> {
  await Promise.all(Array.from({ length: connections }, (_, index) => work(index)));
}

/** The same, and prints how long it took: what came before it is not timed. */
export async function timed(work: (connection: number) => Promise<void>, connections = CONNECTIONS): Promise<void> {
  const started = performance.now();
  await inParallel(work, connections);
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
}

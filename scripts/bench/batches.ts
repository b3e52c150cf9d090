/** What the processes of the service benches share: the rows they send, how many at once, and how they print their time. */

/** How many connections each side has. Each carries one request or statement at a time. */
export const CONNECTIONS = 8;
export const ROWS_PER_BATCH = 1_000;
export const ROWS_PER_PAGE = 100;
/** How many reports are timed, one after the other. One more, to warm up, comes before them. */
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

/** Sends all batches, several at once. The first third is not timed (docs/speed.md, How it is measured). */
export async function timedBatches<Batch>(
  batches: readonly Batch[],
  send: (batch: Batch, connection: number) => Promise<unknown>,
): Promise<void> {
  const sendAll = (part: Batch[]) =>
    inParallel(async (connection) => {
      for (let batch = part.pop(); batch !== undefined; batch = part.pop()) await send(batch, connection);
    });
  const first = untimed(batches.length);
  await sendAll(batches.slice(0, first));
  await timed(() => sendAll(batches.slice(first)));
}

/** How many of so many batches come before the measured time. */
const untimed = (batches: number) => Math.floor(batches / 3);

/** How many of the rows are sent in the measured time. */
export const timedRowsOf = (rows: number) => rows - untimed(Math.ceil(rows / ROWS_PER_BATCH)) * ROWS_PER_BATCH;

/** Does the work on every connection at once. */
export async function inParallel(work: (connection: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => work(index)));
}

/** Does the work, and prints how long it took. */
export async function timed(work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  await work();
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
}

/** Asks for a report once to warm up, and then REPORTS times, timed. */
export async function timedReports(ask: () => Promise<unknown>): Promise<void> {
  await ask();
  await timed(async () => {
    for (let asked = 0; asked < REPORTS; asked++) await ask();
  });
}

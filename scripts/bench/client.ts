/**
 * Sends requests to a service, Muster or a peer, and prints the seconds that the requests took.
 *   usage: bun scripts/bench/client.ts insert URL FILE | read URL GREATEST_ID ROWS | report URL
 */
import {
  type Cells,
  CONNECTIONS,
  inParallel,
  ROWS_PER_PAGE,
  readBatches,
  timed,
  timedBatches,
  timedReports,
} from "./batches.ts";

const [bench = "", url = "", what = "", rows = ""] = process.argv.slice(2);
if (bench === "insert") await insert(what);
else if (bench === "read") await read(Number(what), Number(rows));
else await timedReports(() => answer(`${url}/hired_2021_quarter`, 200));
process.exit(0);

async function insert(file: string): Promise<void> {
  const bodies = (await readBatches(file)).map((batch) => JSON.stringify(batch.map(objectOf)));
  const headers = { "Content-Type": "application/json" };
  await timedBatches(bodies, (body) => answer(`${url}/hired_employees`, 201, { method: "POST", headers, body }));
}

function objectOf([name, datetime, department_id, job_id]: Cells) {
  return { name, datetime: `${datetime.replace(" ", "T")}Z`, department_id, job_id };
}

/**
 * Each connection reads its share of the ids, page after page. Everything is read twice, and only the second time counts
 * (docs/speed.md, How it is measured). The first time, the rows are counted.
 */
async function read(greatestId: number, rows: number): Promise<void> {
  const found = new Set<number>();
  const count = (page: string) => {
    for (const [, id] of page.matchAll(/\{"id":(\d+)/g)) found.add(Number(id));
  };
  await inParallel((connection) => readShare(connection, greatestId, count));
  if (found.size !== rows) fail(`${url} has ${found.size} rows in its pages, not ${rows}`);
  await timed(() => inParallel((connection) => readShare(connection, greatestId)));
}

async function readShare(connection: number, greatestId: number, see?: (page: string) => void): Promise<void> {
  const end = Math.floor((greatestId * (connection + 1)) / CONNECTIONS);
  for (let cursor = Math.floor((greatestId * connection) / CONNECTIONS); cursor < end; ) {
    const page = await answer(`${url}/hired_employees?limit=${ROWS_PER_PAGE}&cursor=${cursor}`, 200);
    see?.(page);
    cursor = lastId(page) ?? end;
  }
}

/** Finds the last id without parsing the page. Parsing would take both sides the same time, and hide their difference. */
function lastId(page: string): number | undefined {
  const at = page.lastIndexOf('{"id":');
  return at < 0 ? undefined : Number.parseInt(page.slice(at + '{"id":'.length), 10);
}

async function answer(address: string, expected: number, init: RequestInit = {}): Promise<string> {
  const response = await fetch(address, init);
  const body = await response.text();
  if (response.status === expected) return body;
  return fail(`${address} answered ${response.status}: ${body.slice(0, 300)}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

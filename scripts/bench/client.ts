/**
 * Drives a service over HTTP, Muster or a peer alike, and prints the seconds of the requests alone.
 *   usage: bun scripts/bench/client.ts insert URL FILE | read URL MOST_ID | report URL
 */
import { type Cells, CONNECTIONS, inParallel, REPORTS, ROWS_PER_PAGE, readBatches, timed } from "./batches.ts";

const [bench = "", url = "", what = ""] = process.argv.slice(2);
if (bench === "insert") await insert(what);
else if (bench === "read") await read(Number(what));
else await report();
process.exit(0);

async function insert(file: string): Promise<void> {
  const bodies = (await readBatches(file)).map((batch) => JSON.stringify(batch.map(objectOf)));
  await timed(async () => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const headers = { "Content-Type": "application/json" };
      await answer(await fetch(`${url}/hired_employees`, { method: "POST", headers, body }), 201);
    }
  });
}

function objectOf([name, datetime, department_id, job_id]: Cells) {
  return { name, datetime: `${datetime.replace(" ", "T")}Z`, department_id, job_id };
}

/**
 * Each connection reads its share of the ids, page after page: once untimed, since a service runs for weeks and its first
 * second, in which Bun compiles it, says nothing of them; and once timed.
 */
async function read(mostId: number): Promise<void> {
  const share = async (connection: number) => {
    const end = Math.floor((mostId * (connection + 1)) / CONNECTIONS);
    for (let cursor = Math.floor((mostId * connection) / CONNECTIONS); cursor < end; ) {
      const page = await fetch(`${url}/hired_employees?limit=${ROWS_PER_PAGE}&cursor=${cursor}`);
      cursor = lastId(await answer(page, 200)) ?? end;
    }
  };
  await inParallel(share);
  await timed(share);
}

/** Not by parsing the page, whose time would be added to both sides'. */
function lastId(page: string): number | undefined {
  const at = page.lastIndexOf('{"id":');
  return at < 0 ? undefined : Number.parseInt(page.slice(at + '{"id":'.length), 10);
}

async function report(): Promise<void> {
  const ask = async () => void (await answer(await fetch(`${url}/hired_2021_quarter`), 200));
  await ask();
  await timed(async () => {
    for (let asked = 0; asked < REPORTS; asked++) await ask();
  }, 1);
}

async function answer(response: Response, expected: number): Promise<string> {
  const body = await response.text();
  if (response.status === expected) return body;
  console.error(`${url} answered ${response.status}: ${body.slice(0, 300)}`);
  process.exit(1);
}

/**
 * More writes than the service can do. OVERLOAD=180 keeps it up for three minutes and prints what was measured, where this
 * otherwise takes seconds.
 */
import { afterAll, expect, test } from "bun:test";
import { serve } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { select } from "./support/observe.ts";
import { onOneCore, peakMegabytes } from "./support/process.ts";

const SECONDS = Number(process.env.OVERLOAD ?? 3);
const ROWS = 1000;

const database = await freshDatabase();
afterAll(database.close);

interface Answered {
  batch: number;
  status: number;
  retryAfter: string | null;
  ms: number;
}

/** Rows that are known again by their names. */
function batchOf(batch: number): RequestInit {
  const row = (index: number) => ({
    ...{ name: `${batch} ${index}`, datetime: "2021-11-07T02:48:42Z", department_id: 1 + (index % 9), job_id: 1 },
  });
  const body = JSON.stringify(Array.from({ length: ROWS }, (_, index) => row(index)));
  return { method: "POST", headers: { "Content-Type": "application/json" }, body };
}

async function timed(ask: () => Promise<Response>) {
  const began = performance.now();
  const answer = await ask();
  await answer.arrayBuffer();
  return { answer, ms: performance.now() - began };
}

test(`twice the writes that one core can do, for ${SECONDS} s: each is stored once or refused, and nothing else`, async () => {
  await database.pool.query(
    "INSERT INTO departments VALUES (1,'a'),(2,'b'),(3,'c'),(4,'d'),(5,'e'),(6,'f'),(7,'g'),(8,'h'),(9,'i')",
  );
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
  const { service, url, stop } = await serve({ DATABASE_URL: database.url });
  onOneCore(service.pid);
  const answers: Answered[] = [];
  let sent = 0;
  const send = async () => {
    const batch = sent++;
    const { answer, ms } = await timed(() => fetch(`${url}hired_employees`, batchOf(batch)));
    answers.push({ batch, status: answer.status, retryAfter: answer.headers.get("Retry-After"), ms });
  };
  /** By what eight writers that wait for each answer do. */
  const measure = async (seconds: number) => {
    const began = performance.now();
    const writer = async () => {
      while (performance.now() - began < seconds * 1000) await send();
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    return (answers.length * 1000) / (performance.now() - began);
  };
  const aSecond = await measure(Math.max(1, SECONDS / 18));
  const calm = answers.length;

  const health: number[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      health.push((await timed(() => fetch(`${url}healthz`))).ms);
      await Bun.sleep(50);
    }
  })();
  const sending: Promise<void>[] = [];
  const began = performance.now();
  for (let due = 0; due < SECONDS * 1000; due += 1000 / (2 * aSecond)) {
    await Bun.sleep(Math.max(0, due - (performance.now() - began)));
    sending.push(send());
  }
  await Promise.all(sending);
  over = true;
  await watching;

  const stored = answers.filter(({ status }) => status === 201);
  const refused = answers.filter(({ status }) => status === 503);
  expect(answers.length - stored.length).toBe(refused.length);
  expect(refused.filter(({ retryAfter }) => retryAfter === null)).toEqual([]);
  const found = await select(
    database.pool,
    "SELECT SUBSTRING_INDEX(name, ' ', 1) + 0 AS batch, COUNT(*) AS rows_found, COUNT(DISTINCT name) AS names FROM hired_employees GROUP BY batch ORDER BY batch",
  );
  const expected = stored.map(({ batch }) => batch).sort((a, b) => a - b);
  expect(found.map(({ batch, rows_found, names }) => [batch, rows_found, names])).toEqual(
    expected.map((batch) => [batch, ROWS, ROWS]),
  );
  const loaded = answers.slice(calm);
  console.log(
    JSON.stringify({
      ...{
        capacity_a_s: round(aSecond),
        offered_a_s: round((sent - calm) / SECONDS),
        stored: loaded.filter(({ status }) => status === 201).length,
      },
      stored_ms: spread(loaded.filter(({ status }) => status === 201)),
      refused: refused.length,
      ...(refused.length > 0 && { refused_ms: spread(refused) }),
      healthz_ms: spread(health.map((ms) => ({ ms }))),
      rss_mb: Math.round(peakMegabytes(service.pid)),
    }),
  );
  if (process.platform === "linux") expect(peakMegabytes(service.pid)).toBeLessThan(500);
  expect(await stop()).toBe(0);
});

const round = (value: number) => Math.round(value * 10) / 10;

function spread(answers: { ms: number }[]): Record<"p50" | "p99" | "max", number> {
  const sorted = answers.map(({ ms }) => Math.round(ms)).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

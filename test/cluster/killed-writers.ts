/** The test of writers over HTTP whose primary is killed, for any cluster. */
import { expect, test } from "bun:test";
import { serve } from "../support/commands.ts";
import { removeFolders } from "../support/files.ts";
import { select, until } from "../support/observe.ts";
import type { Cluster } from "./members.ts";
import { Trial } from "./trial.ts";

const ROWS_PER_BATCH = 20;
const WRITERS = 8;
/** So many batches must be confirmed before the kill, and as many after it. */
const BATCHES = 160;
const RETRY_MS = 50;

interface Told {
  /** Batches that were answered by 201. */
  confirmed: Set<string>;
  /** Batches that may be stored or not: they were answered by 503, and not sent again. */
  unknown: Set<string>;
  /** Answers that a service that has lost its database must not give. */
  wrong: unknown[];
}

export function testKilledWriters(startCluster: () => Promise<Cluster>): void {
  test("what writers were told is stored is there once after the primary was killed, and they go on", async () => {
    const trial = await Trial.begin(await startCluster());
    const { url, stop } = await serve(trial.environment);
    const told: Told = { confirmed: new Set(), unknown: new Set(), wrong: [] };
    const stopping = new AbortController();
    const writers = Array.from({ length: WRITERS }, (_, number) => write(url, number, told, stopping.signal));
    const goOn = () => {
      const enough = told.confirmed.size + BATCHES;
      return until(() => told.confirmed.size >= enough || told.wrong.length > 0);
    };
    await goOn();
    await trial.cluster.killPrimary();
    await trial.cluster.elected();
    await goOn();
    stopping.abort();
    await Promise.all(writers);
    expect(told.wrong).toEqual([]);
    expect((await fetch(`${url}readyz`)).status).toBe(200);
    await stop();
    await expectStored(trial, told);
    await trial.cluster.rejoin();
    await trial.expectSame();
    await trial.cluster.stop();
    await removeFolders();
  });
}

/**
 * Sends batches. Every second writer has Idempotency-Keys, and sends a batch again until it is confirmed. The others never
 * learn whether a batch is stored whose answer they lost.
 */
async function write(url: string, number: number, told: Told, signal: AbortSignal): Promise<void> {
  const isSentAgain = number % 2 === 1;
  for (let batch = 0; !signal.aborted; ) {
    const name = `writer ${number} batch ${batch}`;
    const rows = Array.from({ length: ROWS_PER_BATCH }, (_, row) => ({ job: `${name} row ${row}` }));
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (isSentAgain) headers["Idempotency-Key"] = name;
    const answer = await fetch(`${url}jobs`, { method: "POST", headers, body: JSON.stringify(rows) });
    const text = await answer.text();
    if (answer.status === 201) told.confirmed.add(name);
    // 409: an earlier attempt with this key is still under way.
    else if (answer.status !== 503 && !(isSentAgain && answer.status === 409)) told.wrong.push([answer.status, text]);
    else if (!isSentAgain) told.unknown.add(name);
    if (answer.status === 201 || !isSentAgain) batch++;
    if (answer.status !== 201) await Bun.sleep(RETRY_MS);
  }
}

/** Every batch is there as a whole and once, or not at all, and all confirmed ones are there. */
async function expectStored(trial: Trial, { confirmed, unknown }: Told): Promise<void> {
  const stored = await trial.looking(({ pool }) =>
    select(
      pool,
      `SELECT SUBSTRING_INDEX(job, ' row ', 1) AS batch, COUNT(*) AS count, COUNT(DISTINCT job) AS different
       FROM jobs WHERE job LIKE 'writer %' GROUP BY batch`,
    ),
  );
  const parts = stored.filter(({ count, different }) => count !== ROWS_PER_BATCH || different !== ROWS_PER_BATCH);
  const there = new Set(stored.map(({ batch }) => batch));
  const lost = [...confirmed].filter((batch) => !there.has(batch));
  // A batch that was under way when the writers stopped is neither confirmed nor unknown, if it has a key.
  const surprising = [...there].filter((batch) => !confirmed.has(batch) && !unknown.has(batch));
  expect({ parts, lost }).toEqual({ parts: [], lost: [] });
  expect(surprising.length).toBeLessThanOrEqual(WRITERS / 2);
}

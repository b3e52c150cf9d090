/**
 * Writers that send batches to a service: first eight that wait for each answer, then twice as many batches a second as
 * those could send, without waiting. A program of its own, because fetch in a test opens at most 256 connections.
 *   usage: BUN_CONFIG_MAX_HTTP_REQUESTS=65535 bun test/support/writers.ts URL SECONDS
 * Prints one JSON object: Load.
 */
export interface Load {
  /** Batches a second that eight writers could send. */
  capacity: number;
  /** Batches a second that were sent under load. */
  offered: number;
  /** Answers to the eight writers. */
  calm: Answered[];
  /** Answers under load. */
  loaded: Answered[];
}

export interface Answered {
  batch: number;
  status: number;
  retryAfter: string | null;
  ms: number;
}

export const ROWS_PER_BATCH = 1_000;

/** A request with rows. Each name begins with the number of the batch. */
function batchOf(batch: number): RequestInit {
  const row = (index: number) => ({
    ...{ name: `${batch} ${index}`, datetime: "2021-11-07T02:48:42Z", department_id: 1 + (index % 9), job_id: 1 },
  });
  const body = JSON.stringify(Array.from({ length: ROWS_PER_BATCH }, (_, index) => row(index)));
  return { method: "POST", headers: { "Content-Type": "application/json" }, body };
}

if (import.meta.main) {
  const [url = "", text = ""] = process.argv.slice(2);
  const seconds = Number(text);
  let sent = 0;
  const send = async (answers: Answered[]) => {
    const batch = sent++;
    const request = batchOf(batch);
    const began = performance.now();
    const answer = await fetch(`${url}hired_employees`, request);
    await answer.arrayBuffer();
    const ms = performance.now() - began;
    answers.push({ batch, status: answer.status, retryAfter: answer.headers.get("Retry-After"), ms });
  };

  const calm: Answered[] = [];
  const calmFrom = performance.now();
  const calmMs = Math.max(1, seconds / 18) * 1000;
  const writer = async () => {
    while (performance.now() - calmFrom < calmMs) await send(calm);
  };
  await Promise.all(Array.from({ length: 8 }, writer));
  const capacity = (calm.length * 1000) / (performance.now() - calmFrom);

  const loaded: Answered[] = [];
  const sending: Promise<void>[] = [];
  const began = performance.now();
  for (let due = 0; due < seconds * 1000; due += 1000 / (2 * capacity)) {
    await Bun.sleep(Math.max(0, due - (performance.now() - began)));
    sending.push(send(loaded));
  }
  const offered = (sending.length * 1000) / (performance.now() - began);
  await Promise.all(sending);
  console.log(JSON.stringify({ capacity, offered, calm, loaded } satisfies Load));
}

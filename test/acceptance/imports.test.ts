/** A file over HTTP: imported, followed to its end, and its rejected rows mended and replayed. */
import { expect, test } from "bun:test";
import { ask, get, newName, nextIds, post, useService } from "./service.ts";

useService();

interface Run {
  id: string;
  status: string;
  counts: { jobs: Record<string, number> };
}

/** Sends a file of jobs. @returns the run that it began */
async function sendFile(csv: string, query = ""): Promise<Run> {
  const headers = { "Content-Type": "text/csv" };
  const response = await ask(`imports?table=jobs${query}`, { method: "POST", headers, body: csv });
  expect(response.status).toBe(202);
  return (await response.json()) as Run;
}

/** Follows a run's events to the last one. @returns what that says of the run */
async function ended({ id }: Run): Promise<Run> {
  const events = await (await ask(`runs/${id}/events`)).text();
  const last = events.trim().split("\n\n").at(-1) ?? "";
  expect(last).toContain("event: ended");
  return JSON.parse(/^data: (.*)$/m.exec(last)?.[1] ?? "");
}

test("a file is imported: its good rows are stored, and its rejected row is listed, mended and replayed", async () => {
  const [first = 0, second = 0, third = 0] = await nextIds("jobs", 3);
  const [baker, judge, mended] = [newName("Baker"), newName("Judge"), newName("Clerk")];
  const run = await ended(await sendFile(`${first},${baker}\n${second},\n${third},${judge}\n`));
  expect(run.status).toBe("succeeded");
  expect(run.counts.jobs).toEqual({ received: 3, inserted: 2, unchanged: 0, rejected: 1, withheld: 0 });
  expect(await get<Run>(`runs/${run.id}`)).toMatchObject({ status: "succeeded", counts: run.counts });
  expect(await get(`jobs/${first}`)).toEqual({ id: first, job: baker });
  expect(await get(`jobs/${third}`)).toEqual({ id: third, job: judge });

  const [rejection, ...others] = await get<{ id: number }[]>(`rejections?run=${run.id}`);
  expect(others).toEqual([]);
  const reasons = [expect.objectContaining({ code: "missing", field: "job" })];
  expect(rejection).toMatchObject({ table: "jobs", position: 2, raw: `${second},`, reasons, state: "open" });

  const row = { id: second, job: mended };
  const replay = await post("rejections/replay", { rows: [{ id: rejection?.id, row }] });
  expect([replay.status, replay.answer.inserted]).toEqual([201, 1]);
  expect(await get(`jobs/${second}`)).toEqual(row);
  expect(await get(`rejections/${rejection?.id}`)).toMatchObject({ state: "replayed" });
});

test("a file with more rejected rows than are allowed is refused whole, and its good rows are counted as withheld", async () => {
  const [first = 0, second = 0] = await nextIds("jobs", 2);
  const run = await ended(await sendFile(`${first},${newName("Baker")}\n${second},\n`, "&max_rejects=0"));
  expect(run).toMatchObject({ status: "refused", counts: { jobs: { inserted: 0, rejected: 1, withheld: 1 } } });
  expect((await ask(`jobs/${first}`)).status).toBe(404);
});

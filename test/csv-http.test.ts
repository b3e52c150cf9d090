/** CSV that could mean two things is refused in a body as in a file: POST /TABLE and POST /imports say the same. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { findRun, type RunRecord } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(() => database.close());
beforeEach(database.empty);

const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  app.request(path, { method: "POST", body, headers: { "Content-Type": "text/csv", ...headers } });

/** Imports a body. @returns its run when it has ended */
async function imported(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<RunRecord> {
  const answer = await post("/imports?table=jobs&name=jobs.csv", body, headers);
  expect(answer.status).toBe(202);
  const { id } = (await answer.json()) as RunRecord;
  return until(async () => {
    const run = await findRun(database.db, id);
    return run?.finished_at ? run : undefined;
  });
}

const jobs = async (): Promise<unknown> => (await database.pool.query("SELECT * FROM jobs ORDER BY id"))[0];

test.each<[string, string | Uint8Array, RegExp]>([
  ["a header that does not fit", "id,job,\n1,Baker\n", /the header on line 1 does not fit \(cell 3 has no name\)/],
  ["a title above the header", "Jobs of 2021\nid,job\n1,Baker\n", /line 2 is a header, and line 1 stands above it/],
  ["a title above the rows", "Jobs of 2021\n1,Baker\n", /line 1 is neither a header nor a row/],
  ["another header among the rows", "id,job\n1,Baker\njob,id\nJudge,2\n", /line 3 is another header/],
  ["sep=,", "sep=,\nid,job\n1,Baker\n", /line 1 is no row but names a separator/],
  ["semicolons", "id;job\n1;Baker\n", /cells are separated by ";"/],
  ["escapes of MySQL", "1,Baker\n2,\\N\n", /line 2 has \\N, by which MySQL writes NULL/],
  ["UTF-16", Buffer.from("\uFEFFid,job\n1,Baker\n", "utf16le"), /it is UTF-16/],
  ["gzip that is not said", gzipSync("id,job\n1,Baker\n"), /it is packed with gzip/],
  ["JSON", '{"id": 1, "job": "Baker"}\n', /it is JSON/],
])("a CSV body with %s is refused whole", async (_, body, why) => {
  const answer = await post("/jobs", body);
  const problem = (await answer.json()) as { detail: string };
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([422, "application/problem+json"]);
  expect(problem.detail).toMatch(why);
  expect(problem.detail).toStartWith("the body: ");
  const run = await imported(body);
  expect([run.status, run.error]).toEqual(["refused", expect.stringMatching(why)]);
  expect(run.error).toStartWith("jobs.csv: ");
  expect(await jobs()).toEqual([]);
});

test("a header among the rows of a CSV body is skipped, and the answer says so", async () => {
  const body = "job,id\nBaker,1\nJOB,ID\nJudge,2\n";
  const answer = await post("/jobs", body);
  const { rows, ...rest } = (await answer.json()) as { rows: unknown[] };
  expect(answer.status).toBe(201);
  expect(rest).toMatchObject({ received: 2, notes: ["the body: skipped line 3, a header among the rows"] });
  expect(rows).toHaveLength(2);
  expect((await imported(body)).counts.jobs).toMatchObject({ received: 2, unchanged: 2 });
  expect(await jobs()).toEqual([
    { id: 1, job: "Baker" },
    { id: 2, job: "Judge" },
  ]);
});

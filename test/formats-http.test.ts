/** Workbooks and Parquet over HTTP: what becomes of their rejected rows, and bodies that unpack to too much. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { replayOpen } from "../src/ingest/replay-batches.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { until } from "./support/observe.ts";
import { JOBS_PARQUET } from "./support/parquet.ts";
import { workbook } from "./support/workbook.ts";

const BYTES_MAX = 200_000;
const database = await freshDatabase();
const app = appOver(database, { imported: { bytesMax: BYTES_MAX } });
afterAll(database.close);
beforeEach(database.empty);

const PARQUET = "application/vnd.apache.parquet";
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** Imports a body. @returns its run as it ended */
async function imported(type: string, body: Uint8Array, query = ""): Promise<Record<string, unknown>> {
  const headers = { "Content-Type": type };
  const answer = await app.request(`/imports?table=jobs${query}`, { method: "POST", headers, body });
  expect([answer.status, answer.headers.get("Location")]).toEqual([202, expect.stringMatching(/^\/runs\//)]);
  const path = answer.headers.get("Location") ?? "";
  const run = async () => (await (await app.request(path)).json()) as Record<string, unknown>;
  await until(async () => (await run()).status !== "running");
  return run();
}

const jobs = async (): Promise<unknown> =>
  (await database.pool.query({ sql: "SELECT id, job FROM jobs ORDER BY id", rowsAsArray: true }))[0];
const open = async () =>
  (await (await app.request("/rejections?state=open")).json()) as { position: number; raw: string; recipe: unknown }[];

const CELLS =
  '<row r="2"><c><v>1</v></c><c t="str"><v>Baker</v></c></row>' +
  '<row r="3"><c><v>2</v></c><c t="str"><v>two\nlines</v></c></row>' +
  '<row r="5"><c t="str"><v>1.000</v></c><c t="str"><v>C:\\new, "x"</v></c></row>';

test("a workbook is imported, and its rejected rows have their row's number and can be replayed", async () => {
  const run = await imported(XLSX, workbook({ rows: CELLS }), "&sheet=Jobs");
  expect(run).toMatchObject({ status: "succeeded", counts: { jobs: { received: 3, inserted: 2, rejected: 1 } } });
  expect(await open()).toMatchObject([{ position: 5, raw: '1.000,"C:\\new, ""x"""' }]);
  expect(await jobs()).toEqual([
    [1, "Baker"],
    [2, "two\nlines"],
  ]);
  await replayOpen(database, { msMax: 60_000, report: { say: () => {} }, run: undefined });
  expect(await open()).toMatchObject([{ position: 5, raw: '1.000,"C:\\new, ""x"""' }]);
});

test("a Parquet file is imported, and its rejected rows are kept as JSON", async () => {
  const run = await imported(PARQUET, JOBS_PARQUET, "&columns=job=id,id=job");
  expect(run).toMatchObject({ status: "succeeded", counts: { jobs: { received: 2, inserted: 0, rejected: 2 } } });
  expect((await open()).map(({ raw }) => raw).sort()).toEqual(['{"id":1,"job":"Baker"}', '{"id":2,"job":"Judge"}']);
  expect(await imported(PARQUET, JOBS_PARQUET)).toMatchObject({ counts: { jobs: { inserted: 2 } } });
  expect(await jobs()).toEqual([
    [1, "Baker"],
    [2, "Judge"],
  ]);
});

/** A text that all cells of many rows show. */
const SHARED = Array.from(
  { length: 50 },
  (_, index) => `<row r="${index + 2}"><c><v>1</v></c><c t="s"><v>0</v></c></row>`,
);

test.each([
  ["much XML of no rows", workbook({ around: "<a/>".repeat(BYTES_MAX) })],
  ["a long text in many cells", workbook({ rows: SHARED.join(""), strings: `<si><t>${"a".repeat(30_000)}</t></si>` })],
  ["a long list of formats", workbook({ styles: "<a/>".repeat(10_000_000) })],
])("a small workbook that unpacks to %s ends its import", async (_, body) => {
  expect(body.length).toBeLessThan(BYTES_MAX);
  const { status, error } = await imported(XLSX, body);
  expect([status, error]).toEqual(["refused", expect.stringContaining("unpacks to more than 200000 bytes")]);
});

import { afterAll, describe, expect, test } from "bun:test";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { DEFAULTS } from "../src/config.ts";
import { readTokens } from "../src/http/auth.ts";
import { importSource } from "../src/ingest/import.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})) });
afterAll(async () => {
  await database.close();
  await removeFolders();
});

/** The lines of /metrics with this beginning. */
async function metrics(begin: string, of = app): Promise<string[]> {
  const text = await (await of.request("/metrics")).text();
  return text.split("\n").filter((line) => line.startsWith(begin));
}

const post = (path: string, body: unknown) => app.request(path, posted(body));

test("rows are counted by verdict, table and kind of run", async () => {
  await post("/insert", {
    jobs: [{ id: 1, job: "Clerk" }, { id: 2, job: "Judge" }, { job: "" }],
    departments: [{ department: "Fleet" }],
  });
  await post("/jobs", [{ id: 1, job: "Clerk" }]);
  await post("/rejections/replay", { rows: [{ id: 1, row: { job: "Baker" } }] });
  await importSource(database, {
    source: await folderOf({ "jobs.csv": "1,Clerk\n7,Smith\n8,\n" }),
    report: { say: () => {} },
  });
  expect((await post("/backup", { table: ["jobs"] })).status).toBe(201);
  await database.pool.query("DELETE FROM jobs WHERE id = 7");
  expect((await post("/restore", { table: ["jobs"] })).status).toBe(200);
  expect((await post("/restore", { table: ["jobs"], backup: "none" })).status).toBe(404);
  const counted = (await metrics("muster_rows_total")).filter((line) => !line.endsWith(" 0"));
  expect(counted.map((line) => line.replace("muster_rows_total", "")).sort()).toEqual([
    '{kind="backup",table="jobs",verdict="received"} 4',
    '{kind="import",table="jobs",verdict="inserted"} 1',
    '{kind="import",table="jobs",verdict="rejected"} 1',
    '{kind="import",table="jobs",verdict="unchanged"} 1',
    '{kind="insert",table="departments",verdict="inserted"} 1',
    '{kind="insert",table="jobs",verdict="inserted"} 2',
    '{kind="insert",table="jobs",verdict="rejected"} 1',
    '{kind="insert",table="jobs",verdict="unchanged"} 1',
    '{kind="replay",table="jobs",verdict="inserted"} 1',
    '{kind="restore",table="jobs",verdict="inserted"} 1',
    '{kind="restore",table="jobs",verdict="unchanged"} 3',
  ]);
  expect((await metrics("muster_runs_total")).sort()).toEqual([
    'muster_runs_total{kind="backup",status="succeeded"} 1',
    'muster_runs_total{kind="import",status="succeeded"} 1',
    'muster_runs_total{kind="insert",status="succeeded"} 2',
    'muster_runs_total{kind="replay",status="succeeded"} 1',
    'muster_runs_total{kind="restore",status="succeeded"} 1',
  ]);
  expect(await metrics("muster_run_seconds_count")).toHaveLength(5);
});

test("a run that fails is counted once, by its last status", async () => {
  const { ended } = database;
  const seen: string[] = [];
  const listener = ({ kind, status }: { kind: string; status: string }) => void seen.push(`${kind} ${status}`);
  ended.add(listener);
  const source = await folderOf({ "hired_employees.csv": "nonsense,name,when,dep,job\n" });
  await importSource(database, { source, report: { say: () => {} } }).catch(() => {});
  ended.delete(listener);
  expect(seen).toEqual(["import refused"]);
});

describe("requests", () => {
  test("are counted by the pattern of their route, not by their path", async () => {
    for (let id = 1; id <= 5; id++) await app.request(`/jobs/${id}?x=${id}`);
    for (const path of ["/jobs", "/departments?limit=2", "/no-table", "/no/such/path/at/all", "/runs/x"])
      await app.request(path);
    await app.request("/jobs", { method: "DELETE" });
    const lines = await metrics("http_requests_total");
    const routes = new Set(lines.map((line) => /route="([^"]*)"/.exec(line)?.[1]));
    expect([...routes].filter((route) => /\d|no-table|such/.test(route ?? ""))).toEqual([]);
    expect(routes).toContain("/:table/:id");
    expect(lines.find((line) => /GET",route="\/:table",status="200"/.test(line))).toEndWith(" 2");
    expect(lines.length).toBeLessThan(20);
    expect((await metrics("http_request_duration_seconds_bucket")).length).toBeGreaterThan(0);
  });

  test("that wait for a connection are counted, and so are the connections", async () => {
    const held = await Promise.all(
      Array.from({ length: DEFAULTS.DATABASE_CONNECTIONS }, () => database.pool.getConnection()),
    );
    const waiting = app.request("/jobs");
    await until(async () => (await metrics("muster_pool_waiting")).join() === "muster_pool_waiting 1");
    expect(await metrics("muster_pool_connections")).toEqual([
      ...[
        'muster_pool_connections{state="idle"} 0',
        `muster_pool_connections{state="in_use"} ${DEFAULTS.DATABASE_CONNECTIONS}`,
      ],
    ]);
    for (const connection of held) connection.release();
    expect((await waiting).status).toBe(200);
    expect(await metrics("muster_pool_waiting")).toEqual(["muster_pool_waiting 0"]);
  });
});

test("the process and its event loop are measured, and no token is needed", async () => {
  const open = appOver(database, { tokens: readTokens("reader:x") });
  const answer = await open.request("/metrics");
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  for (const name of ["process_resident_memory_bytes", "process_cpu_seconds_total", "nodejs_eventloop_lag_p99_seconds"])
    expect([name, (await metrics(`${name} `, open)).length]).toEqual([name, 1]);
});

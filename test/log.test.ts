/** The log: lines by which a person finds a request or a run, and values that are in no line. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { DrizzleQueryError } from "drizzle-orm";
import pino from "pino";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { readTokens } from "../src/http/auth.ts";
import { loggable } from "../src/http/log.ts";
import { appOver } from "./support/app.ts";
import { start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const lines: Record<string, unknown>[] = [];
const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
const tokens = readTokens("reader:s3cret-reader,admin:s3cret-admin");
const app = appOver(database, { log, tokens, store: new DirectoryStore(await folderOf({})) });
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(() => void lines.splice(0));

async function asked(path: string, token: string, body?: unknown) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "X-Request-Id": "r-1" };
  const request = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await app.request(path, request);
  return { answer, line: lines.findLast(({ msg }) => msg === "request") };
}

async function newestRun() {
  const { answer } = await asked("/runs?limit=1", "s3cret-reader");
  const [run] = (await answer.json()) as { id: string }[];
  return run?.id;
}

test("a request is a line with its id, its role and its status", async () => {
  const { line } = await asked("/jobs?job=s3cret-name", "s3cret-reader");
  expect(line).toMatchObject({ request: "r-1", role: "reader", method: "GET", path: "/jobs", status: 200 });
  expect((await asked("/jobs", "s3cret-guess")).line).not.toHaveProperty("role");
  expect(JSON.stringify(lines)).not.toContain("s3cret");
});

test.each([
  ["/insert", { jobs: [{ id: 1, job: "Clerk" }, { job: "" }] }, 207],
  ["/insert", { jobs: [{ job: "" }] }, 422],
  ["/rejections/replay", { rows: [{ id: 1, row: { job: "Judge" } }] }, 201],
  ["/backup", { table: ["jobs"] }, 201],
  ["/backups/latest/verify", {}, 200],
  ["/restore", { table: ["jobs"], plan: true }, 200],
])("the line of a request that makes a run names the run: %s with %j", async (path, body, status) => {
  const { answer, line } = await asked(path, "s3cret-admin", body);
  expect([answer.status, line?.request, line?.role]).toEqual([status, "r-1", "admin"]);
  expect(line?.run).toBe(await newestRun());
});

test.each([
  ["id,job\n8,Clerk\n9,\n", "jobs 1 inserted, 1 rejected", { received: 2, inserted: 1, rejected: 1 }],
  ["id,job\n8,\n9,\n", "every row was rejected", { received: 2, inserted: 0, rejected: 2 }],
])(
  "an import over HTTP logs a line with its run, its table and its counts when it ends: %j",
  async (body, done, counts) => {
    const headers = { Authorization: "Bearer s3cret-admin", "Content-Type": "text/csv" };
    const answer = await app.request("/imports?table=jobs", { method: "POST", headers, body });
    const { id: run } = (await answer.json()) as { id: string };
    const ending = () => lines.find((line) => line.run === run && String(line.msg).startsWith("import "));
    expect(await until(ending)).toMatchObject({
      table: "jobs",
      counts,
      msg: `import ${run} of jobs succeeded: ${done}`,
    });
  },
);

test("the line of a request without a run names none", async () => {
  expect((await asked("/jobs", "s3cret-reader")).line).not.toHaveProperty("run");
  expect((await asked("/restore", "s3cret-admin", { table: ["jobs"], backup: "none" })).line).not.toHaveProperty("run");
});

test("no line has the text or the values of a statement, whatever kind of error it was", () => {
  const error = new DrizzleQueryError("select s3cret from t", ["s3cret"], new Error("connection lost"));
  expect(JSON.stringify(loggable(error))).toContain("connection lost");
  expect(JSON.stringify(loggable(error))).not.toContain("s3cret");
});

test("the last line is written although the one before it is still on its way", async () => {
  const script = `const { openLog } = await import("./src/http/log.ts");
    const { log, close } = await openLog("info", false);
    log.info("so long that it is written at once".repeat(1_000));
    log.info("the last line");
    await close();`;
  const { stdout } = start(["-e", script]);
  const written = (await new Response(stdout).text()).trimEnd().split("\n");
  expect([written.length, JSON.parse(written.at(-1) ?? "").msg]).toEqual([2, "the last line"]);
});

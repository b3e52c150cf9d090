/** Two services over one database and one store, as behind a load balancer. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { hostname } from "node:os";
import type { RowDataPacket } from "mysql2/promise";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { clearDeadRuns } from "../src/publish/recovery.ts";
import { beginRun } from "../src/repositories/live-run.ts";
import { PROCESS_SPACE } from "../src/repositories/locks.ts";
import { findRun } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const another = await connect(database.url);
const store = new DirectoryStore(await folderOf({}));
const replicas = [appOver(database, { store }), appOver(another, { store })];
afterAll(async () => {
  await another.close();
  await database.close();
  await removeFolders();
});

beforeEach(database.empty);

/** Sends the requests all at once, to both services in turn. */
function spread(count: number, path: string, body: (each: number) => unknown, headers: Record<string, string> = {}) {
  const all = { "Content-Type": "application/json", ...headers };
  const send = async (each: number) =>
    (await replicas[each % 2]?.request(path, { method: "POST", headers: all, body: JSON.stringify(body(each)) })) ??
    new Response();
  return Promise.all(Array.from({ length: count }, (_, each) => send(each)));
}

async function numbers(statement: string): Promise<number[]> {
  const [rows] = await database.pool.query<RowDataPacket[][]>({ sql: statement, rowsAsArray: true });
  return rows.flat().map(Number);
}

test("a request sent to both with one Idempotency-Key inserts once", async () => {
  const answers = await spread(10, "/jobs", () => [{ job: "Clerk" }, { job: "" }], { "Idempotency-Key": "one" });
  const done = answers.filter(({ status, headers }) => status === 207 && !headers.has("Idempotent-Replayed"));
  expect(done).toHaveLength(1);
  for (const { status } of answers) expect([207, 409]).toContain(status);
  expect(
    await numbers(
      "SELECT (SELECT COUNT(*) FROM jobs), (SELECT COUNT(*) FROM muster_rejections), (SELECT COUNT(*) FROM muster_runs)",
    ),
  ).toEqual([1, 1, 1]);
});

test("rows without an id get different ids from both, and the counts add up", async () => {
  const answers = await spread(20, "/jobs", (each) =>
    Array.from({ length: 50 }, (_, row) => ({ job: `${each}-${row}` })),
  );
  const ids = (await Promise.all(answers.map((answer) => answer.json()))).flatMap((answer) =>
    (answer as { rows: { id: number }[] }).rows.map(({ id }) => id),
  );
  expect([answers.map(({ status }) => status).filter((status) => status !== 201), new Set(ids).size]).toEqual([
    [],
    1000,
  ]);
  expect(await numbers("SELECT COUNT(*) FROM jobs")).toEqual([1000]);
});

test("of rows with one id and different values, sent to both, one is stored and the others are rejected", async () => {
  const answers = await spread(8, "/jobs", (each) => ({ id: 7, job: `Keeper ${each}` }));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...new Array(7).fill(422)]);
  expect(await numbers("SELECT COUNT(*) FROM jobs")).toEqual([1]);
});

test("a parent that one service has stored is there for a child sent to the other", async () => {
  for (let each = 1; each <= 10; each++) {
    const [parent] = await spread(1, "/insert", () => ({
      departments: [{ id: each, department: "D" }],
      jobs: [{ id: each, job: "J" }],
    }));
    expect(parent?.status).toBe(201);
    const row = { name: "Ana", datetime: "2021-05-01T00:00:00Z", department_id: each, job_id: each };
    const child = await replicas[1]?.request("/hired_employees", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(row),
    });
    expect(child?.status).toBe(201);
  }
  await database.pool.query("DELETE FROM hired_employees");
});

test("four backups at once are four, and of four restores at once one puts the row back and the others find it", async () => {
  await spread(1, "/jobs", () => [
    { id: 1, job: "Clerk" },
    { id: 2, job: "Judge" },
  ]);
  const backups = await spread(4, "/backup", () => ({ table: ["jobs"] }));
  expect(backups.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect(new Set(backups.map(({ headers }) => headers.get("Location"))).size).toBe(4);
  await database.pool.query("DELETE FROM jobs WHERE id = 2");
  const restores = await spread(4, "/restore", () => ({ table: ["jobs"] }));
  expect(restores.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const inserted = (await Promise.all(restores.map((each) => each.json()))).map(
    (each) => (each as { tables: { jobs: { inserted: number } } }).tables.jobs.inserted,
  );
  expect(inserted.sort()).toEqual([0, 0, 0, 1]);
});

test("rejections that both replay at once are replayed once", async () => {
  const [answer] = await spread(1, "/jobs", () => ({ id: 5, job: "" }));
  expect(answer?.status).toBe(422);
  const [id] = await numbers("SELECT id FROM muster_rejections");
  const replays = await spread(6, "/rejections/replay", () => ({ rows: [{ id, row: { id: 5, job: "Baker" } }] }));
  expect(replays.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
});

test("a run of a container with the same host name and other process numbers is not taken for dead", async () => {
  const run = await beginRun(another, "backup", "a live one");
  const clear = async (owner: string) => {
    await database.pool.query("UPDATE muster_runs SET owner = ? WHERE id = ?", [owner, run.id]);
    await clearDeadRuns(database, () => {});
    return (await findRun(database.db, run.id))?.status;
  };
  expect(await clear(`${hostname()}/pid:[1]:999999999`)).toBe("running");
  expect(await clear(`${PROCESS_SPACE}:999999999`)).toBe("failed");
  await run.close();
});

/** Idempotency-Key of backups and restores, which take more than one transaction. Two apps stand for two processes. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import type { Draft } from "../src/backups/store.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { appOver, posted } from "./support/app.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const another = await connect(database.url);
/** A store whose writes can be held up. */
class SlowStore extends DirectoryStore {
  static held: Promise<void> | undefined;
  static began: () => void = () => {};
  override async begin(id: string): Promise<Draft> {
    SlowStore.began();
    await SlowStore.held;
    return super.begin(id);
  }
}
const store = new SlowStore(await folderOf({}));
const app = appOver(database, { store });
const replica = appOver(another, { store });
afterAll(async () => {
  await another.close();
  await database.close();
  await removeFolders();
});

beforeEach(async () => {
  SlowStore.held = undefined;
  await database.empty();
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
});

function post(path: string, key: string, body: unknown = { table: ["jobs"] }, to = app) {
  return to.request(path, posted(body, { "Idempotency-Key": key }));
}
const replayed = (answer: Response) => answer.headers.get("Idempotent-Replayed");
const backups = async () => (await store.ids()).length;
async function runs(): Promise<string[]> {
  const [rows] = await database.pool.query<RowDataPacket[]>("SELECT kind, status FROM muster_runs ORDER BY id");
  return rows.map(({ kind, status }) => `${kind} ${status}`);
}

/** Begins a backup that waits until the test lets it go on. */
async function heldBackup(key: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = new Promise<void>((began) => {
    SlowStore.began = began;
  });
  SlowStore.held = promise;
  const answer = Promise.resolve(post("/backup", key));
  await begun;
  SlowStore.held = undefined;
  return { answer, goOn: resolve };
}

test("a backup asked for again gets the same answer from any process, and no second one is made", async () => {
  const before = await backups();
  const first = await post("/backup", "b1");
  const again = [await post("/backup", "b1"), await post("/backup", "b1", undefined, replica)];
  expect([first.status, replayed(first)]).toEqual([201, null]);
  for (const each of again) {
    expect([each.status, replayed(each), each.headers.get("Location")]).toEqual([
      201,
      "true",
      first.headers.get("Location"),
    ]);
  }
  expect(await again[1]?.json()).toEqual(await first.json());
  expect([await backups(), await runs()]).toEqual([before + 1, ["backup succeeded"]]);
});

test("a restore asked for again gets the same answer, and rows written since stay", async () => {
  await post("/backup", "b1");
  await database.pool.query("DELETE FROM jobs");
  const first = await post("/restore", "r1");
  await database.pool.query("INSERT INTO jobs VALUES (2, 'Judge')");
  const again = await post("/restore", "r1", undefined, replica);
  expect([first.status, again.status, replayed(again)]).toEqual([200, 200, "true"]);
  expect(await again.json()).toEqual(await first.json());
  expect(await (await app.request("/jobs")).json()).toHaveLength(2);
});

test("a key that was used with another body, path or kind of request is refused with 422", async () => {
  await post("/backup", "k1");
  expect((await post("/backup", "k1", { table: ["departments"] })).status).toBe(422);
  expect((await post("/restore", "k1")).status).toBe(422);
  expect((await post("/jobs", "k1", { job: "Judge" })).status).toBe(422);
  await post("/jobs", "k2", { job: "Judge" });
  expect((await post("/backup", "k2")).status).toBe(422);
  expect(await runs()).toEqual(["backup succeeded", "insert succeeded"]);
});

test("while the first is under way, the second is answered 409 at once, in the same process and in another", async () => {
  const { answer, goOn } = await heldBackup("b1");
  expect([(await post("/backup", "b1")).status, (await post("/backup", "b1", undefined, replica)).status]).toEqual([
    409, 409,
  ]);
  goOn(); // only now can the first end: neither of the others waited for it
  expect((await answer).status).toBe(201);
  expect(replayed(await post("/backup", "b1", undefined, replica))).toBe("true");
});

test("of many equal requests at once to two processes one makes the backup", async () => {
  const before = await backups();
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, each) => post("/backup", "b1", undefined, each % 2 ? app : replica)),
  );
  const made = answers.filter((answer) => answer.status === 201 && replayed(answer) === null);
  expect([made.length, await backups()]).toEqual([1, before + 1]);
  for (const answer of answers) expect([201, 409]).toContain(answer.status);
});

describe("a key is free again", () => {
  test("after a restore that was refused", async () => {
    expect((await post("/restore", "r1", { table: ["departments"] })).status).toBe(404);
    expect((await post("/backup", "r1", { table: ["departments"] })).status).toBe(201);
  });

  test("after a run that failed, and after one whose process died", async () => {
    const { answer, goOn } = await heldBackup("b1");
    // A process that dies here leaves its run and its key, and no connection.
    const mine = "FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    const [rows] = await another.pool.query<RowDataPacket[]>(`SELECT id ${mine}`);
    // KILL fails for a connection that has ended meanwhile.
    for (const { id } of rows) await another.pool.query("KILL ?", [id]).catch(() => {});
    await until(async () => (await another.pool.query<RowDataPacket[]>(`SELECT id ${mine}`))[0].length === 0);
    expect(await runs()).toEqual(["backup running"]);
    const again = await post("/backup", "b1", undefined, replica);
    expect([again.status, replayed(again)]).toEqual([201, null]);
    expect(await runs()).toEqual(["backup failed", "backup succeeded"]);
    goOn();
    expect((await answer).status).toBe(503);
    expect(replayed(await post("/backup", "b1"))).toBe("true");
  });

  test("for a request of another kind, after a run that failed", async () => {
    await post("/backup", "b1");
    expect((await post("/jobs", "b1", { job: "Judge" })).status).toBe(422);
    await database.pool.query("UPDATE muster_runs SET status = 'failed'");
    expect((await post("/jobs", "b1", { job: "Judge" })).status).toBe(201);
  });

  test("when a day has passed", async () => {
    await post("/backup", "b1");
    await database.pool.query("UPDATE muster_idempotency_keys SET created_at = UTC_TIMESTAMP(3) - INTERVAL 25 HOUR");
    expect(replayed(await post("/backup", "b1"))).toBeNull();
  });
});

test("if the backup was removed meanwhile, the answer says that it is gone", async () => {
  const first = await post("/backup", "b1");
  await store.remove(`${first.headers.get("Location")}`.replace("/backups/", ""));
  expect((await post("/backup", "b1")).status).toBe(404);
});

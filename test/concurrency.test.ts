import { afterAll, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { MusterError } from "../src/errors.ts";
import type { BatchAnswer } from "../src/http/batch-answer.ts";
import { importSource } from "../src/ingest/import.ts";
import { clearDeadRuns, failRun } from "../src/publish/recovery.ts";
import { beginRun } from "../src/repositories/live-run.ts";
import { findRun } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { run as runCommand } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

async function post(rows: unknown): Promise<{ status: number; answer: BatchAnswer }> {
  const response = await app.request("/insert", posted(rows));
  return { status: response.status, answer: (await response.json()) as BatchAnswer };
}

async function jobs(): Promise<Map<number, string>> {
  const [rows] = await database.pool.query<RowDataPacket[]>("SELECT id, job FROM jobs");
  return new Map(rows.map(({ id, job }) => [id, job]));
}

/** What the answers say of each id: which row was inserted, and which were told that it is stored. */
class Told {
  readonly inserted = new Map<number, string>();
  readonly others: { id: number; job: string; status: string }[] = [];
  readonly statuses = new Set<number>();

  note(sent: { id?: number; job: string }[], { status, answer }: { status: number; answer: BatchAnswer }) {
    this.statuses.add(status);
    answer.rows.forEach((row, index) => {
      const { job = "", id = row.id ?? 0 } = sent[index] ?? {};
      if (row.status !== "inserted") this.others.push({ id, job, status: row.status });
      else if (this.inserted.has(id)) throw new Error(`${id} was inserted twice`);
      else this.inserted.set(id, job);
    });
  }
}

/** How many answers of rows that were not inserted are waited for. */
const OTHERS = 5_000;

test("clients that send the same ids at once are told, row by row, what the table then holds", async () => {
  const told = new Told();
  const client = async (name: string) => {
    while (told.others.length < OTHERS) {
      const first = 1 + Math.floor(Math.random() * 3000);
      const ids = Array.from({ length: 20 }, (_, index) => first + index).sort(() => Math.random() - 0.5);
      const own = Math.random() < 0.5;
      const sent: { id?: number; job: string }[] = ids.map((id) => ({ id, job: own ? `${name} ${id}` : `same ${id}` }));
      sent.push({ job: `${name} without id` }, { job: `${name} without id` });
      told.note(sent, await post({ jobs: sent }));
    }
  };
  await Promise.all([client("a"), client("b"), client("c")]);
  const table = await jobs();
  expect([...told.statuses].filter((status) => ![201, 207].includes(status))).toEqual([]);
  expect(table.size).toBe(told.inserted.size);
  for (const [id, job] of told.inserted) expect(table.get(id)).toBe(job);
  for (const { id, job, status } of told.others) {
    expect(status).toBe(table.get(id) === job ? "unchanged" : "rejected");
  }
  expect(new Set(told.others.map(({ status }) => status))).toEqual(new Set(["unchanged", "rejected"]));
});

test("no insert beside a running import fails or is lost, and the import's rows are all there", async () => {
  await database.pool.query("DELETE FROM jobs");
  const lines = Array.from({ length: 60_000 }, (_, index) => `${100_000 + index},Import ${index}\n`);
  const source = await folderOf({ "jobs.csv": lines.join("") });
  const told = new Told();
  let importing = true;
  const client = async (name: string) => {
    while (importing) {
      const sent = Array.from({ length: 10 }, (_, index) => ({ job: `${name} ${index}` }));
      told.note(sent, await post({ jobs: sent }));
    }
  };
  const clients = [client("a"), client("b")];
  const { tables } = await importSource(database, { source, report: { say() {} } });
  importing = false;
  await Promise.all(clients);
  expect(tables.jobs).toMatchObject({ received: 60_000, inserted: 60_000 });
  expect([...told.statuses]).toEqual([201]);
  const table = await jobs();
  expect(table.size).toBe(60_000 + told.inserted.size);
  for (const [id, job] of told.inserted) expect(table.get(id)).toBe(job);
});

test.each(["this process", "another process"])(
  "an import keeps the reason it is refused for, although %s clears dead runs at that moment",
  async (who) => {
    const run = await beginRun(database, "import", "jobs.csv");
    const close = async () => {
      await run.close();
      if (who === "this process") return clearDeadRuns(database, () => {});
      const source = await folderOf({ "jobs.csv": "1,Clerk\n" });
      const other = await runCommand(["scripts/import.ts", source], { DATABASE_URL: database.url });
      expect(other.stderr).toContain(`cleared what the dead import ${run.id} left`);
    };
    await failRun(database, { ...run, close }, new MusterError("refused", "it is UTF-16"), { say() {} });
    expect(await findRun(database.db, run.id)).toMatchObject({ status: "refused", error: "it is UTF-16" });
  },
);

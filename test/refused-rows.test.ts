/** Inserts into tables to which a DBA added rules: rows that the database refuses are rejected, the others go in. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import type { RowDataPacket } from "mysql2/promise";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { CHECK, DBA_RULES, under, withoutTriggers } from "./support/dba-rules.ts";

const database = await freshDatabase();
const { pool } = database;
const app = appOver(database);
afterAll(() => database.close());
beforeEach(() => database.empty());

interface Answer {
  run: string;
  inserted: number;
  rejected: number;
  withheld?: number;
  rows: { status: string; id?: number; rejection?: number; reasons?: { code: string; detail: string }[] }[];
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await app.request(path, posted(body, headers));
  return { status: response.status, answer: (await response.json()) as Answer };
}

async function select(sql: string): Promise<unknown[][]> {
  const [rows] = await pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

const statuses = ({ rows }: Answer) => rows.map(({ status }) => status);
const [BAKER, SPY, CLERK] = [{ job: "Baker" }, { job: "Spy" }, { job: "Clerk" }];

test.each(DBA_RULES.map((rule) => [rule.name, rule] as const))(
  "a row that %s refuses is rejected with the server's reason, and the others go in",
  async (_, rule) => {
    const run = await under(pool, rule, async () => {
      const rows = [{ id: 1, ...BAKER }, { id: 2, ...SPY }, SPY, CLERK, { id: 3, job: "Judge" }];
      const { status, answer } = await post("/jobs", rows);
      expect([status, statuses(answer)]).toEqual([207, ["inserted", "rejected", "rejected", "inserted", "inserted"]]);
      expect(await select("SELECT job FROM jobs WHERE id <> 90 ORDER BY job")).toEqual([
        ["Baker"],
        ["Clerk"],
        ["Judge"],
      ]);
      const reasons = [{ code: "refused_by_database", detail: expect.stringMatching(rule.reason) }];
      const logged = await listRejections(database.db, { limit: 9, code: "refused_by_database" });
      expect(logged.map((each) => [each.reasons, JSON.parse(each.raw ?? "").job])).toEqual([
        [reasons, "Spy"],
        [reasons, "Spy"],
      ]);
      expect(answer.rows.slice(1, 3)).toMatchObject(logged.map(({ id }) => ({ rejection: id, reasons })));
      expect(JSON.stringify(answer)).not.toMatch(/INSERT|VALUES|REFERENCES/);
      const again = await post("/rejections/replay", { run: answer.run });
      expect([again.status, again.answer.rows.map((row) => row.reasons)]).toEqual([422, [reasons, reasons]]);
      return again.answer.run;
    });
    const withoutRule = await post("/rejections/replay", { run });
    expect([withoutRule.status, withoutRule.answer.inserted]).toEqual([201, 2]);
  },
);

if (withoutTriggers !== "") test.skip(`a row that a trigger refuses${withoutTriggers}`, () => {});

test("a column that Muster does not know and that has no default refuses every row with 422, not 500", async () => {
  await pool.query("ALTER TABLE jobs ADD grade int NOT NULL");
  const jobs = Array.from({ length: 1000 }, (_, index) => ({ id: index + 1, job: `job ${index}` }));
  const { status, answer } = await post("/jobs", jobs);
  expect([status, answer.rejected]).toEqual([422, 1000]);
  expect(answer.rows[999]?.reasons?.[0]?.detail).toMatch(/Field 'grade' doesn't have a default value \(error 1364\)$/);
  await pool.query("ALTER TABLE jobs DROP grade");
});

test("exactly the rows that a rule refuses are rejected, of up to 300 random rows", async () => {
  const job = fc.oneof({ weight: 3, arbitrary: fc.constant("Baker") }, fc.constant("Spy"));
  const row = fc.record({ job, hasId: fc.boolean() });
  await under(pool, CHECK, () =>
    fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 300, size: "max" }), async (rows) => {
        await pool.query("DELETE FROM jobs");
        // Ids from high to low, so that rows are stored in another order than they were sent.
        const sent = rows.map(({ job, hasId }, index) => (hasId ? { id: 1_000 - index, job } : { job }));
        const { answer } = await post("/jobs", sent);
        expect(statuses(answer)).toEqual(rows.map(({ job }) => (job === "Spy" ? "rejected" : "inserted")));
        const ids = answer.rows.flatMap(({ id }) => (id === undefined ? [] : [id]));
        const stored = await select("SELECT id FROM jobs WHERE job = 'Baker' ORDER BY id");
        expect(stored.map(([id]) => id)).toEqual(ids.sort((a, b) => a - b));
      }),
      { numRuns: 30 },
    ),
  );
});

test("with handling=strict a row that the database refuses keeps all rows out", async () => {
  await under(pool, CHECK, async () => {
    const rows = [{ id: 1, ...BAKER }, CLERK, SPY, { job: "" }];
    const { status, answer } = await post("/jobs", rows, { Prefer: "handling=strict" });
    expect([status, answer.withheld, statuses(answer)]).toEqual([
      422,
      2,
      ["withheld", "withheld", "rejected", "rejected"],
    ]);
    expect([answer.rows[0]?.id, answer.rows[1]?.id]).toEqual([1, undefined]);
    expect(await select("SELECT * FROM jobs")).toEqual([]);
    expect(await listRejections(database.db, { limit: 9 })).toHaveLength(2);
  });
});

test("rows that were judged against a refused row with their id are judged again", async () => {
  await under(pool, CHECK, async () => {
    const rows = [SPY, SPY, BAKER, BAKER, CLERK].map((row) => ({ id: 5, ...row }));
    const { answer } = await post("/jobs", rows);
    expect(answer.rows.map(({ status, reasons }) => reasons?.[0]?.code ?? status)).toEqual([
      ...["refused_by_database", "refused_by_database", "inserted", "unchanged", "duplicate_id"],
    ]);
  });
});

test("a child of a row that the database refuses is rejected too: it has no parent", async () => {
  await pool.query("INSERT INTO departments VALUES (1, 'Sales')");
  await under(pool, CHECK, async () => {
    const employee = { name: "Ana", datetime: "2021-11-07T02:48:42Z", department_id: 1 };
    const { answer } = await post("/insert", {
      jobs: [
        { id: 7, ...SPY },
        { id: 8, ...BAKER },
      ],
      hired_employees: [
        { ...employee, job_id: 7 },
        { ...employee, job_id: 8 },
      ],
    });
    expect(answer.rows.map(({ status, reasons }) => reasons?.[0]?.code ?? status)).toEqual([
      ...["refused_by_database", "inserted", "unknown_reference", "inserted"],
    ]);
  });
});

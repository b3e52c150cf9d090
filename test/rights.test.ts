/** Users with exactly the rights that docs/operating.md lists for each use. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import type { Connection } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { verify } from "../src/backups/verify.ts";
import { DEFAULTS } from "../src/config.ts";
import { connectOnce } from "../src/db/database.ts";
import { runs } from "../src/db/ledger.ts";
import type { Use } from "../src/db/rights.ts";
import { importSource } from "../src/ingest/import.ts";
import { type OpenDatabase, openDatabase } from "../src/open-database.ts";
import { clearDeadRuns } from "../src/publish/recovery.ts";
import { forgetExpiredKeys } from "../src/repositories/kept-answers.ts";
import { PROCESS_SPACE } from "../src/repositories/locks.ts";
import { findRun, type RunRecord } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { dictionary, tableOf, tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutSwap } from "./support/missing.ts";
import { until } from "./support/observe.ts";
import { server } from "./support/server.ts";

const database = await freshDatabase();
const files = await folderOf({
  "departments.csv": "1,Archive\n2,Fleet\n",
  "jobs.csv": "1,Clerk\n2,\n",
  "hired_employees.csv": "1,Ana,2021-05-01T10:00:00Z,1,1\n2,Bob,2021-06-01T10:00:00Z,2,1\n",
});
const backups = await folderOf({});
const store = new DirectoryStore(backups);
const report = { say() {} };
const headings: Record<Use | "swap", string> = {
  read: "Serve reads and reports",
  insert: "Insert, replay and discard",
  backup: "Back up",
  import: "Import, and verify backups",
  swap: "Fill empty tables by a swap",
  restore: "Restore",
  migrate: "Apply migrations",
};
const isMariaDB = server.version.startsWith("MariaDB");
const document = await Bun.file(join(import.meta.dir, "../docs/operating.md")).text();
const granted: string[] = [];
let admin: Connection;

beforeAll(async () => {
  admin = await connectOnce(server.url);
});

afterAll(async () => {
  for (const user of granted) await admin.query(`DROP USER IF EXISTS ${user}`);
  await admin.end();
  await database.close();
  await removeFolders();
});

/** The page's GRANT statements for a use, with this user's and this database's names. */
function statementsFor(use: keyof typeof headings, user: string, schema = database.name): string[] {
  const [, block = ""] = document.split(`**${headings[use]}`)[1]?.split("```sql\n") ?? [];
  const statements = block.split("```")[0]?.trim().split("\n") ?? [];
  return statements.map((each) =>
    each.replace("ON hr.", `ON ${schema}.`).replace("muster@'%'", user).replace(/;$/, ""),
  );
}

/** Makes a user with these rights alone. @returns the URL of the database for that user */
async function userWith(name: string, statements: (user: string) => string[], url = database.url): Promise<string> {
  const user = `test_${process.pid}_${name}@localhost`;
  granted.push(user);
  await admin.query(`CREATE USER ${user}`);
  for (const statement of statements(user)) await admin.query(statement);
  return url.replace("//root@", `//${user.replace("@localhost", "@")}`);
}

const open = (url: string, use: Use): Promise<OpenDatabase> =>
  openDatabase({ ...DEFAULTS, DATABASE_URL: url }, { dictionary, use, say() {} });

/** Does something as a user with the rights that the page lists for the use. */
async function as(use: Use, work: (opened: OpenDatabase) => Promise<void>): Promise<void> {
  const opened = await open(await userWith(use, (user) => statementsFor(use, user)), use);
  try {
    await work(opened);
  } finally {
    await opened.close();
  }
}

const statusOf = async (answer: Response | Promise<Response>) => (await answer).status;

test("import: imports files into empty and filled tables, does a dry run, and clears what a dead run left", async () => {
  await as("import", async (opened) => {
    for (const dryRun of [true, false, false]) {
      const { status, tables } = await importSource(opened, { source: files, dryRun, report });
      expect([status, tables.jobs?.rejected]).toEqual(["succeeded", 1]);
    }
    const id = crypto.randomUUID();
    const of = `${database.name}.stage_${id.replaceAll("-", "")}_0`;
    await admin.query(`CREATE TABLE ${of} (id int)`);
    await database.db.insert(runs).values({
      ...{ id, kind: "import", status: "running", counts: {}, owner: `${PROCESS_SPACE}:999999999` },
      started_at: sql`UTC_TIMESTAMP(3)`,
    });
    await clearDeadRuns(opened, report.say);
    expect(await findRun(database.db, id)).toMatchObject({ status: "failed" });
    const csv = { method: "POST", headers: { "Content-Type": "text/csv" }, body: "60,Judge\n" };
    const begun = (await (await appOver(opened, { store }).request("/imports?table=jobs", csv)).json()) as RunRecord;
    await until(async () => (await findRun(database.db, begun.id))?.status === "succeeded");
    await expect(admin.query(`SELECT 1 FROM ${of}`)).rejects.toThrow("doesn't exist");
  });
  expect((await admin.query(`SELECT id FROM ${database.name}.hired_employees`))[0]).toHaveLength(2);
});

test("insert: inserts, replays and discards rows; imports are refused with the right that is missing", async () => {
  await as("insert", async (opened) => {
    await forgetExpiredKeys(opened.db);
    const app = appOver(opened, { store });
    const rows = posted(
      { jobs: [{ job: "Baker" }, { id: 50, job: "Cook" }, { job: "" }] },
      { "Idempotency-Key": "one" },
    );
    const first = await app.request("/insert", rows);
    expect([first.status, await statusOf(app.request("/insert", rows))]).toEqual([207, 207]);
    const answer = (await first.json()) as { run: string; rows: { rejection?: number }[] };
    const id = answer.rows.at(-1)?.rejection;
    expect(await statusOf(app.request("/rejections/replay", posted({ rows: [{ id, row: { job: "" } }] })))).toBe(422);
    expect(
      await statusOf(
        app.request("/rejections/replay", posted({ rows: [{ id: Number(id) + 1, row: { job: "Smith" } }] })),
      ),
    ).toBe(201);
    await app.request("/jobs", posted({ job: "" }));
    const open = (await (await app.request("/rejections?state=open&table=jobs")).json()) as { id: number }[];
    expect(await statusOf(app.request("/rejections/discard", posted({ ids: [open.at(-1)?.id] })))).toBe(200);
    const csv = { method: "POST", headers: { "Content-Type": "text/csv" }, body: "5,Judge\n" };
    const refused = await app.request("/imports?table=jobs", csv);
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { detail: expect.stringContaining("the database user lacks rights for import (CREATE, DROP, ALTER,") },
    ]);
  });
});

test("read: reads rows, reports and the page; inserts are refused", async () => {
  await as("read", async (opened) => {
    const app = appOver(opened, { store });
    for (const path of [
      "/",
      "/jobs",
      "/jobs/1",
      "/hired_2021_quarter",
      "/hired_department",
      "/runs",
      "/rejections",
      "/backups",
      "/readyz",
    ])
      expect([path, await statusOf(app.request(path))]).toEqual([path, 200]);
    const refused = await app.request("/jobs", posted({ job: "Baker" }));
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { detail: expect.stringContaining("lacks rights for insert") },
    ]);
  });
});

test("backup: backs up all tables, and a user with the rights to import verifies the backup", async () => {
  await as("backup", async (opened) => {
    const { manifest } = await backup(opened, store, { tables, codec: "deflate", report });
    expect(manifest.tables.map(({ table }) => table)).toEqual(tables.map(({ name }) => name));
  });
  const verifier = await open(database.url.replace("//root@", `//test_${process.pid}_import@`), "import");
  expect((await verify(verifier, store, { id: "latest", report })).proof.seconds).toBeGreaterThan(0);
  await verifier.close();
});

test("restore: restores one table and all of them, and makes a plan", async () => {
  await as("restore", async (opened) => {
    await database.pool.query("DELETE FROM hired_employees WHERE id = 1");
    await database.pool.query("UPDATE jobs SET job = 'changed' WHERE id = 1");
    for (const plan of [true, false])
      await restore(opened, store, { tables: [tableOf("hired_employees")], backup: "latest", plan, report });
    await restore(opened, store, { tables, backup: "latest", report });
  });
  expect((await database.pool.query("SELECT id FROM hired_employees"))[0]).toHaveLength(2);
});

test.skipIf(withoutSwap !== "")(
  `import by swap: swaps with the rights to see who else uses the tables, and inserts without them${withoutSwap}`,
  async () => {
    await userWith("swap", (user) => [...statementsFor("import", user), ...statementsFor("swap", user)]);
    for (const user of ["swap", "import"]) {
      const opened = await open(database.url.replace("//root@", `//test_${process.pid}_${user}@`), "import");
      await database.pool.query("DELETE FROM hired_employees");
      const said: string[] = [];
      const { tables } = await importSource(opened, { source: files, report: { say: (line) => said.push(line) } });
      await opened.close();
      const isFilled = said.some((line) => line.startsWith("hired_employees is filled by INSERT"));
      expect([user, tables.hired_employees?.inserted, isFilled]).toEqual([user, 2, user === "import"]);
    }
  },
);

test("migrate: migrates a new database that the administrator has made", async () => {
  const schema = `${database.name}_new`;
  await admin.query(`CREATE DATABASE ${schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  const url = await userWith(
    "migrate",
    (user) => statementsFor("migrate", user, schema),
    database.url.replace(database.name, schema),
  );
  await (await open(url, "migrate")).close();
  expect((await admin.query(`SELECT id FROM ${schema}.hired_employees`))[0]).toEqual([]);
  await admin.query(`DROP DATABASE ${schema}`);
});

// A user without any right may not even use the database: see migrate.test.ts.
test.each(["insert", "backup", "import", "restore"] as const)(
  "%s: a user who lacks one right is told the GRANT that gives it, and that GRANT works",
  async (use) => {
    const name = `less_${use}`;
    const url = await userWith(name, (user) => statementsFor(use, user));
    for (const statement of statementsFor(use, granted.at(-1) ?? "")) {
      const [, rights = "", place = "", user = ""] = /^GRANT (.*) ON (\S+) TO (\S+)$/.exec(statement) ?? [];
      for (const right of rights.split(", ")) {
        if (isMariaDB && right === "REFERENCES") continue;
        await admin.query(`REVOKE ${right} ON ${place} FROM ${user}`);
        const refused: Error = await open(url, use).then(
          (opened) => opened.close().then(() => new Error(`${use} works without ${right} ON ${place}`)),
          (error) => error,
        );
        const grant = new RegExp(`^(.*; as an administrator run: )(GRANT ${right} ON .* TO .*)$`).exec(refused.message);
        expect([refused.message, grant?.[2]]).toEqual([refused.message, expect.stringContaining(right)]);
        await admin.query(grant?.[2] ?? statement);
        await (await open(url, use)).close();
      }
    }
  },
);

test("rights that are granted table by table count", async () => {
  const [names] = await admin.query(`SHOW TABLES FROM ${database.name}`);
  const places = (names as object[]).map((row) => `${database.name}.${Object.values(row)[0]}`);
  const url = await userWith("tables", (user) => places.map((place) => `GRANT SELECT, INSERT ON ${place} TO ${user}`));
  await (await open(url, "read")).close();
  await expect(open(url, "insert")).rejects.toThrow(
    /\(UPDATE, DELETE\); .*\.`muster_rejections` TO .*; GRANT UPDATE, DELETE ON .*\.`muster_idem[^;]*$/,
  );
});

test("a command prints the GRANT in one line and ends with code 2; rights by a role count", async () => {
  const url = await userWith("role", () => []);
  const [user = "", role] = [granted.at(-1), `test_${process.pid}_role`];
  await admin.query(`CREATE ROLE ${role}`);
  await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES ON ${database.name}.* TO ${role}`);
  await admin.query(`GRANT ${role} TO ${user}`);
  await admin.query(`SET DEFAULT ROLE ${role} ${isMariaDB ? "FOR" : "TO"} ${user}`);
  const restoring = () => run(["scripts/restore.ts", "jobs"], { DATABASE_URL: url, BACKUP_STORE: backups });
  const { code, stderr } = await restoring();
  expect([code, stderr]).toEqual([
    2,
    "the database user lacks rights for restore (ALTER); as an administrator run: " +
      `GRANT ALTER ON \`${database.name}\`.* TO \`test_${process.pid}_role\`@\`localhost\`\n`,
  ]);
  await admin.query(`GRANT ALTER ON ${database.name}.* TO ${role}`);
  expect(await restoring()).toMatchObject({ code: 0 });
  await admin.query(`DROP ROLE ${role}`);
});

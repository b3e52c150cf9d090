import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { drizzle } from "drizzle-orm/mysql2";
import { migrate as drizzleMigrate } from "drizzle-orm/mysql2/migrator";
import type { Connection } from "mysql2/promise";
import journal from "../drizzle/meta/_journal.json";
import { connect, connectOnce } from "../src/db/database.ts";
import { migrate } from "../src/db/migrate.ts";
import { parseUrl } from "../src/db/url.ts";
import { dropDatabase, freshUrl } from "./support/database.ts";
import { dictionary } from "./support/dictionary.ts";
import { notOnTidb } from "./support/missing.ts";
import { until } from "./support/observe.ts";

const MIGRATIONS = join(import.meta.dir, "../drizzle");
const files = readMigrationFiles({ migrationsFolder: MIGRATIONS });
const statements = files.flatMap(({ sql, hash }, migration) =>
  sql.map((statement, index) => ({ statement, hash, index, tag: journal.entries[migration]?.tag ?? "" })),
);
const urls: string[] = [];
let admin: Connection;
let wanted: unknown[] = [];

beforeAll(async () => {
  admin = await connectOnce(newUrl());
  const url = newUrl();
  await migrate(url);
  wanted = await shape(url);
});

afterAll(async () => {
  await admin.end();
  for (const url of urls) await dropDatabase(url);
});

test("a missing database is created in utf8mb4, with a gate for each table", async () => {
  const url = newUrl();
  await migrate(url);
  expect(await ask(url, "SELECT @@character_set_database AS a, @@collation_database AS b")).toEqual([
    { a: "utf8mb4", b: "utf8mb4_unicode_ci" },
  ]);
  expect(await ask(url, "SELECT `table` FROM muster_gates ORDER BY 1")).toEqual(
    dictionary.names.toSorted().map((table) => ({ table })),
  );
});

test("three commands that migrate at once do it once, and all go on", async () => {
  const url = newUrl();
  await Promise.all([migrate(url), migrate(url), migrate(url)]);
  expect(await shape(url)).toEqual(wanted);
  expect(await ask(url, "SELECT COUNT(*) AS applied FROM __drizzle_migrations")).toEqual([
    { applied: journal.entries.length },
  ]);
});

test("without pending migrations no lock is waited for, and missing gates are added", async () => {
  const url = newUrl();
  await migrate(url);
  const locked = await connectOnce(url);
  await locked.query("SELECT GET_LOCK(?, 0)", [`muster:${hashOf(parseUrl(url).database)}`]);
  await ask(url, "DELETE FROM muster_gates WHERE `table` = 'jobs'");
  await migrate(url);
  expect(await ask(url, "SELECT COUNT(*) AS gates FROM muster_gates")).toEqual([{ gates: dictionary.names.length }]);
  await locked.end();
});

test("a migration killed in the middle of a statement is completed by the next command", async () => {
  const url = newUrl();
  await stopAt(url, "CREATE INDEX `runs_status`");
  await ask(url, "INSERT INTO jobs (job) VALUES ('somebody''s')");
  await killedWhileWaiting(url, "runs");
  expect(await ask(url, "SELECT begun FROM __muster_migrating")).toEqual([{ begun: 1 }]);
  await migrate(url);
  expect(await shape(url)).toEqual(wanted);
  expect(await ask(url, "SELECT job FROM jobs")).toEqual([{ job: "somebody's" }]);
});

test.each(["CREATE TABLE `jobs`", "ADD CONSTRAINT `hired_employees_job", "CREATE INDEX `runs_status`"])(
  "after a crash right before or after %s, the next command completes the migration",
  async (text) => {
    const doubted = statements.find(({ statement }) => statement.includes(text));
    if (!doubted) throw new Error(`no migration says ${text}`);
    for (const carriedOut of [0, 1]) {
      const url = newUrl();
      await crashAt(url, doubted, carriedOut);
      await migrate(url);
      expect(await shape(url)).toEqual(wanted);
    }
  },
);

const formats = notOnTidb("it has one engine and no row formats");

test.skipIf(formats !== "").each(["ENGINE=MyISAM", "ROW_FORMAT=COMPACT"])(
  `a migration that an earlier version began with %s, and could not complete, begins again${formats}`,
  async (option) => {
    const url = newUrl();
    await stopAt(url, "CREATE INDEX `rejections_run`", option);
    await ask(url, "INSERT INTO jobs (job) VALUES ('somebody''s')");
    await expect(migrate(url)).rejects.toThrow(/and jobs has rows: move them elsewhere and run DROP TABLE/);
    await ask(url, "DELETE FROM jobs");
    await migrate(url);
    expect(await shape(url)).toEqual(wanted);
  },
);

describe("a database of the version before, whose tables of Muster's own have no prefix,", () => {
  const BEFORE = [
    "INSERT INTO jobs VALUES (7, 'Clerk')",
    "INSERT INTO gates VALUES ('departments'), ('hired_employees'), ('jobs')",
    "INSERT INTO runs (id, kind, status, counts, owner, started_at) VALUES ('r', 'insert', 'succeeded', '{}', 'x', NOW())",
    "INSERT INTO rejections (run, `table`, position, raw, reasons, state, created_at) VALUES ('r', 'jobs', 1, '', '[]', 'open', NOW())",
    "INSERT INTO idempotency_keys VALUES ('k', 'r', '{}', NOW())",
  ];
  const rows = (url: string) =>
    ask(
      url,
      `SELECT j.job, r.kind, e.state, k.\`key\` AS idempotency_key, (SELECT COUNT(*) FROM muster_gates) AS gates
       FROM jobs j, muster_runs r, muster_rejections e, muster_idempotency_keys k`,
    );
  const KEPT = [{ job: "Clerk", kind: "insert", state: "open", idempotency_key: "k", gates: dictionary.names.length }];

  test("gets the prefix and keeps its rows", async () => {
    const url = await before(BEFORE);
    await migrate(url);
    expect([await shape(url), await rows(url)]).toEqual([wanted, KEPT]);
    await migrate(url);
    expect(await rows(url)).toEqual(KEPT);
  });

  test("gets it by Drizzle's own migrator as well", async () => {
    const url = await before(BEFORE);
    const { pool, close } = await connect(url);
    await drizzleMigrate(drizzle(pool), { migrationsFolder: MIGRATIONS });
    await close();
    await migrate(url);
    expect([await shape(url), await rows(url)]).toEqual([wanted, KEPT]);
  });

  test.each([0, 1])("is completed after a crash that left %d of the renaming statement", async (carriedOut) => {
    const url = await before(BEFORE);
    const renaming = statements.find(({ statement }) => statement.startsWith("RENAME TABLE"));
    if (carriedOut === 1) await ask(url, renaming?.statement ?? "");
    await leaveMark(url, renaming, 1);
    await migrate(url);
    expect([await shape(url), await rows(url)]).toEqual([wanted, KEPT]);
  });

  test("is completed after the renaming was killed as it waited for a reader", async () => {
    const url = await before(BEFORE);
    await killedWhileWaiting(url, "runs");
    await migrate(url);
    expect([await shape(url), await rows(url)]).toEqual([wanted, KEPT]);
  });

  test("is completed if the crash was in an earlier migration", async () => {
    for (const text of ["ADD `cancel_asked_at`", "CREATE TABLE `runs`"]) {
      for (const carriedOut of [0, 1]) {
        const url = newUrl();
        await create(url, "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
        const stopped = statements.findIndex(({ statement }) => statement.includes(text));
        for (const { statement } of statements.slice(0, stopped + carriedOut)) await ask(url, statement);
        if (statements[stopped]?.tag === "0002_progress") await journalled(url, 2);
        await leaveMark(url, statements[stopped], 1);
        await migrate(url);
        expect(await shape(url)).toEqual(wanted);
      }
    }
  });

  test("is left as it is if another program has a table of a new name, which is said", async () => {
    const url = await before([...BEFORE, "CREATE TABLE muster_runs (mine int PRIMARY KEY)"]);
    for (const _ of ["first", "second"]) {
      await expect(migrate(url)).rejects.toThrow(
        /^migration 0004_own_names failed at its statement 1: .*muster_runs.* already exists/,
      );
    }
    expect(await ask(url, "SELECT id FROM runs")).toEqual([{ id: "r" }]);
    await ask(url, "DROP TABLE muster_runs");
    await migrate(url);
    expect(await rows(url)).toEqual(KEPT);
  });

  test("is not taken for renamed after a crash, if the new name is another program's table", async () => {
    const url = await before([...BEFORE, "CREATE TABLE muster_runs (mine int PRIMARY KEY)"]);
    const renaming = statements.find(({ statement }) => statement.startsWith("RENAME TABLE"));
    await leaveMark(url, renaming, 1);
    await expect(migrate(url)).rejects.toThrow(/muster_runs.* already exists/);
    await ask(url, "DROP TABLE muster_runs");
    await migrate(url);
    expect(await rows(url)).toEqual(KEPT);
  });

  test("says to a user who may only use the old names what to grant", async () => {
    const url = await before(BEFORE);
    const { database } = parseUrl(url);
    const user = `test_old_${process.pid}@localhost`;
    await admin.query(`CREATE USER ${user}`);
    await admin.query(`GRANT SELECT ON ${database}.__drizzle_migrations TO ${user}`);
    for (const table of ["departments", "jobs", "hired_employees", "gates", "runs", "rejections", "idempotency_keys"])
      await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.${table} TO ${user}`);
    const poor = url.replace("//root@", `//${user.replace("@localhost", "@")}`);
    await expect(migrate(poor)).rejects.toThrow(
      /^the database lacks Muster's migrations 0004_own_names, .* lacks rights for migrate .* run: GRANT .* ON `test_/,
    );
    await migrate(url);
    await expect(migrate(poor)).rejects.toThrow(
      /^the database user lacks rights for read \(SELECT\); as an administrator run: GRANT SELECT ON .*`muster_runs`/,
    );
    await admin.query(`DROP USER ${user}`);
  });

  /** Such a database, and what else is to be in it. */
  async function before(rows: readonly string[]): Promise<string> {
    const url = newUrl();
    await create(url, "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    for (const { statement, tag } of statements) if (tag < "0004") await ask(url, statement);
    await journalled(url, 4);
    for (const statement of rows) await ask(url, statement);
    return url;
  }
});

test("another program's tables of the names that Muster's had before are left alone", async () => {
  const url = newUrl();
  await create(url, "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  for (const name of ["runs", "gates", "rejections", "idempotency_keys"]) {
    await ask(url, `CREATE TABLE ${name} (mine int PRIMARY KEY)`);
    await ask(url, `INSERT INTO ${name} VALUES (5)`);
  }
  await ask(url, "CREATE TABLE muster_runs (mine int PRIMARY KEY)");
  await expect(migrate(url)).rejects.toThrow("migration 0000_start would create: muster_runs");
  await ask(url, "DROP TABLE muster_runs");
  for (const tables of [7, 10, 12]) await killedWith(url, tables);
  await migrate(url);
  await migrate(url);
  for (const name of ["runs", "gates", "rejections", "idempotency_keys"]) {
    expect(await ask(url, `SELECT * FROM ${name}`)).toEqual([{ mine: 5 }]);
    await ask(url, `DROP TABLE ${name}`);
  }
  expect(await shape(url)).toEqual(wanted);
});

test("another program's table in the way is named each time, and nothing is changed", async () => {
  const url = newUrl();
  await create(url);
  await ask(url, "CREATE TABLE jobs (mine int PRIMARY KEY)");
  for (const _ of ["first", "second"]) {
    await expect(migrate(url)).rejects.toThrow(/has tables that migration 0000_start would create: jobs\./);
  }
  expect(await ask(url, "SHOW TABLES")).toHaveLength(1);
});

test("a statement that fails is named, and is tried again by the next command", async () => {
  const url = newUrl();
  await crashAt(url, statements[2], 0);
  // Somebody else makes a table between two attempts. Only the second statement is in doubt, not the third.
  await ask(url, "CREATE TABLE gates (mine int PRIMARY KEY)");
  for (const _ of ["first", "second"]) {
    await expect(migrate(url)).rejects.toThrow(
      /^migration 0000_start failed at its statement 4: .*gates.* already exists/,
    );
  }
  await ask(url, "DROP TABLE gates");
  await migrate(url);
  expect(await shape(url)).toEqual(wanted);
});

test("a database whose character set cannot hold every name is refused with the statement to run", async () => {
  const url = newUrl();
  await create(url, "CHARACTER SET latin1");
  const error = await migrate(url).catch((thrown) => thrown);
  expect([error.code, error.message]).toEqual([
    "refused",
    expect.stringContaining("the database keeps text as latin1"),
  ]);
  expect(await ask(url, "SHOW TABLES")).toEqual([]);
  await ask(url, error.message.split("run: ")[1]);
  await migrate(url);
});

test("a user who may not create the database is told which right to ask for", async () => {
  const url = newUrl();
  await admin.query("CREATE USER IF NOT EXISTS test_nobody@localhost");
  const poor = url.replace("//root@", "//test_nobody@");
  await expect(migrate(poor)).rejects.toThrow(
    /database "test_.*" does not exist, or its user may not use it; .* run: CREATE DATABASE IF NOT EXISTS `test_.*TO `test_nobody`@`localhost`$/,
  );
  await create(url);
  await admin.query(`GRANT ALL ON ${parseUrl(url).database}.* TO test_nobody@localhost`);
  await migrate(poor);
  await admin.query("DROP USER test_nobody@localhost");
});

test("a pending migration that is older than the newest applied one is named, not skipped", async () => {
  const url = newUrl();
  await create(url);
  await ask(url, "CREATE TABLE __drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)");
  await ask(url, `INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('later', ${Date.now() + 1e12})`);
  await expect(migrate(url)).rejects.toThrow("migration 0000_start is older than the newest");
});

test("Drizzle's own migrator has nothing to do after Muster's, and the other way round", async () => {
  const [ours, theirs] = [newUrl(), newUrl()];
  await migrate(ours);
  await create(theirs, "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  for (const url of [ours, theirs]) {
    const { pool, close } = await connect(url);
    await drizzleMigrate(drizzle(pool), { migrationsFolder: MIGRATIONS });
    await close();
    await migrate(url);
    expect(await shape(url)).toEqual(wanted);
    expect(await ask(url, "SELECT COUNT(*) AS applied FROM __drizzle_migrations")).toEqual([
      { applied: journal.entries.length },
    ]);
  }
});

test("drizzle-kit migrate creates a database that does not exist", async () => {
  const url = newUrl();
  const command = Bun.spawn(["bunx", "drizzle-kit", "migrate"], {
    cwd: join(import.meta.dir, ".."),
    env: { ...process.env, DATABASE_URL: url },
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await new Response(command.stdout).text()).toContain("migrations applied successfully");
  expect(await command.exited).toBe(0);
  expect(await shape(url)).toEqual(wanted);
});

function newUrl(): string {
  const url = freshUrl();
  urls.push(url);
  return url;
}

async function create(url: string, settings = ""): Promise<void> {
  await admin.query(`CREATE DATABASE ${parseUrl(url).database} ${settings}`);
}

/** Leaves a database as a crash would after one statement had begun: the statement carried out, or not. */
async function crashAt(
  url: string,
  doubted: (typeof statements)[number] | undefined,
  carriedOut: number,
): Promise<void> {
  if (!doubted) throw new Error("there is no such statement");
  await create(url, "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  for (const { statement } of statements.slice(0, doubted.index + carriedOut)) await ask(url, statement);
  await leaveMark(url, doubted, 1);
}

/** Leaves a migration whose tables are made with this option and whose next statement was refused. */
async function stopAt(url: string, text: string, option = ""): Promise<void> {
  await create(url, "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  const stopped = statements.findIndex(({ statement }) => statement.includes(text));
  for (const { statement } of statements.slice(0, stopped)) {
    await ask(url, /^\s*CREATE TABLE/.test(statement) ? statement.replace(/;\s*$/, ` ${option}`) : statement);
  }
  await leaveMark(url, statements[stopped], 0);
}

/** Migrates, and kills the connection while its statement waits for a reader of `table`. */
async function killedWhileWaiting(url: string, table: string): Promise<void> {
  const { database } = parseUrl(url);
  const reader = await connectOnce(url);
  await reader.beginTransaction();
  await reader.query(`SELECT * FROM ${database}.${table}`);
  const ending = endingOf(migrate(url));
  const waits = process.env.MUSTER_TIDB
    ? "info REGEXP '^(CREATE|DROP|RENAME) ' AND db IN (SELECT db_name FROM mysql.tidb_mdl_view)"
    : "state LIKE 'Waiting for table metadata%'";
  const waiting = `SELECT id FROM information_schema.processlist WHERE db = ? AND ${waits}`;
  const { id } = await until(async () => ((await admin.query(waiting, [database]))[0] as { id: number }[])[0]);
  await admin.query(`KILL ${id}`);
  // TiDB goes on with the statement, and ends the connection when the statement is done.
  if (process.env.MUSTER_TIDB) await reader.end();
  expect(await ending).toBe("killed");
  if (!process.env.MUSTER_TIDB) await reader.end();
}

/** Migrates, and kills the connection as soon as the database has so many tables. */
async function killedWith(url: string, tables: number): Promise<void> {
  const { database } = parseUrl(url);
  const connections = "SELECT id FROM information_schema.processlist WHERE db = ?";
  const counting = "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ?";
  const ending = endingOf(migrate(url));
  await until(async () => Number(((await admin.query(counting, [database]))[0] as { n: number }[])[0]?.n) >= tables);
  for (const { id } of (await admin.query(connections, [database]))[0] as { id: number }[])
    await admin.query(`KILL ${id}`).catch(() => {}); // it may have ended
  await ending;
}

const endingOf = (work: Promise<void>) =>
  work.then(
    () => "done",
    () => "killed",
  );

/** Records the first migrations, so many of them, as applied. */
async function journalled(url: string, count: number): Promise<void> {
  await ask(url, "CREATE TABLE __drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)");
  for (const { hash, folderMillis } of files.slice(0, count))
    await ask(url, `INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('${hash}', ${folderMillis})`);
}

/** The note of a migration about a statement: that it has begun, or that the server has refused it. */
async function leaveMark(url: string, at: (typeof statements)[number] | undefined, begun: 0 | 1): Promise<void> {
  await ask(
    url,
    "CREATE TABLE __muster_migrating (hash char(64) PRIMARY KEY, statement int NOT NULL, begun boolean NOT NULL)",
  );
  await ask(url, `INSERT INTO __muster_migrating VALUES ('${at?.hash}', ${at?.index}, ${begun})`);
}

async function ask(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const { pool, close } = await connect(url);
  const [rows] = await pool.query(statement);
  await close();
  return rows as Record<string, unknown>[];
}

/** The columns, keys and references of a database. */
async function shape(url: string): Promise<unknown[]> {
  const name = parseUrl(url).database;
  const selects = [
    `SELECT table_name, column_name, column_type, is_nullable, extra FROM information_schema.columns`,
    `SELECT table_name, index_name, seq_in_index, column_name FROM information_schema.statistics`,
    `SELECT table_name, constraint_name, referenced_table_name FROM information_schema.referential_constraints`,
  ];
  const shapes = [];
  for (const select of selects) {
    const schema = select.includes("referential") ? "constraint_schema" : "table_schema";
    const [rows] = await admin.query({ sql: `${select} WHERE ${schema} = ? ORDER BY 1, 2, 3`, rowsAsArray: true }, [
      name,
    ]);
    shapes.push(rows);
  }
  return shapes;
}

function hashOf(database: string): string {
  return new Bun.CryptoHasher("sha256").update(database).digest("hex").slice(0, 32);
}

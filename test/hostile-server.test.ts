/** A server with other people's defaults: each of Muster's connections sets its own session variables. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import type { BackupStore } from "../src/backups/store.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { migrate } from "../src/db/migrate.ts";
import { importSource } from "../src/ingest/import.ts";
import type { MusterDatabase } from "../src/repositories/muster-database.ts";
import { appOver, posted } from "./support/app.ts";
import { connect } from "./support/database.ts";
import { tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { contents } from "./support/observe.ts";
import { ownServer } from "./support/own-server.ts";
import { program } from "./support/server.ts";

const isMariaDB = program.kind === "MariaDB";
// MySQL 9 always takes the character set of the client's handshake.
const deaf = isMariaDB ? ["--skip-character-set-client-handshake"] : [];
const own = await ownServer([...deaf, "--character-set-server=latin1", "--collation-server=latin1_swedish_ci"]);
const { root, open } = own;

afterEach(async () => {
  await root.query("SET GLOBAL init_connect = ''");
});

afterAll(async () => {
  await own.stop();
  await removeFolders();
});

/** Names that latin1 cannot hold and that differ only behind their 20th character; more hires than sql_select_limit below. */
const HIRES = 40;
const LONG = "ligne commune à tous les métiers";
const employees = Array.from({ length: HIRES }, (_, index) => {
  const [id, month] = [index + 1, 1 + (index % 12)];
  return `${id},Zoë 😀 O'Brien \\ ${id},2021-${String(month).padStart(2, "0")}-15T10:00:00Z,1,${1 + (index % 2)}`;
});
const files = await folderOf({
  "departments.csv": "1,Überseehandel\n2,Łódź\n3,Vide\n",
  "jobs.csv": `1,${LONG} — β\n2,${LONG} — α\n`,
  "hired_employees.csv": `${employees.join("\n")}\n`,
});

/** Does everything that Muster can do. @returns results that each of the variables would spoil */
async function everythingWorks(database: MusterDatabase): Promise<void> {
  const report = { say() {} };
  const imported = await importSource(database, { source: files, report });
  expect([imported.status, imported.tables.hired_employees?.inserted]).toEqual(["succeeded", HIRES]);
  const app = appOver(database);
  const rows = (await (await app.request("/hired_employees?limit=1000")).json()) as { name: string }[];
  expect([rows.length, rows[0]?.name]).toEqual([HIRES, "Zoë 😀 O'Brien \\ 1"]);

  const batch = { jobs: [{ job: "Prüfer" }, { job: "Schreiber" }, { job: "" }, { job: "ﬀ" }] };
  const inserted = await app.request("/insert", posted(batch));
  const { rows: verdicts } = (await inserted.json()) as { rows: { id: number; status: string }[] };
  const ids = verdicts.filter(({ status }) => status === "inserted").map(({ id }) => id);
  expect([inserted.status, ids.length]).toEqual([207, 3]);
  for (const [index, job] of ["Prüfer", "Schreiber", "ﬀ"].entries()) {
    expect(await (await app.request(`/jobs/${ids[index]}`)).json()).toEqual({ id: ids[index], job });
  }

  const quarters = (await (await app.request("/hired_2021_quarter")).json()) as object[];
  expect(quarters).toEqual([
    { department: "Überseehandel", job: `${LONG} — α`, Q1: 4, Q2: 7, Q3: 3, Q4: 6 },
    { department: "Überseehandel", job: `${LONG} — β`, Q1: 8, Q2: 3, Q3: 6, Q4: 3 },
  ]);

  const store = new DirectoryStore(await folderOf({}));
  await backup(database, store, { tables, codec: "deflate", report });
  const before = await contents(database.pool);
  await database.pool.query("DELETE FROM hired_employees WHERE id > 7");
  await database.pool.query("UPDATE jobs SET job = 'x' WHERE id = 1");
  await database.pool.query("INSERT INTO departments VALUES (50, 'later')");
  await restore(database, store, { backup: "latest", tables, report });
  expect(await contents(database.pool)).toEqual(before);
}

const HOSTILE: Record<string, string | number> = {
  autocommit: 0,
  completion_type: "CHAIN",
  sql_mode: "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,IGNORE_SPACE",
  time_zone: "+05:30",
  sql_select_limit: 3,
  sql_safe_updates: 1,
  max_join_size: 5,
  sql_big_selects: 0,
  sql_auto_is_null: 1,
  max_sort_length: isMariaDB ? 64 : 4,
  foreign_key_checks: 0,
  unique_checks: 0,
  auto_increment_increment: 7,
  auto_increment_offset: 3,
  default_storage_engine: "MyISAM",
  sql_quote_show_create: 0,
  innodb_lock_wait_timeout: 1,
  lock_wait_timeout: 1,
  wait_timeout: 1,
  net_read_timeout: 1,
  net_write_timeout: 1,
  lc_messages: "de_DE",
  ...(isMariaDB
    ? {
        tx_isolation: "SERIALIZABLE",
        tx_read_only: 1,
        max_statement_time: 0.001,
        idle_transaction_timeout: 1,
        idle_readonly_transaction_timeout: 1,
        idle_write_transaction_timeout: 1,
        check_constraint_checks: 0,
        alter_algorithm: "INSTANT",
        sql_if_exists: 1,
      }
    : { transaction_isolation: "SERIALIZABLE", transaction_read_only: 1, max_execution_time: 1, old_alter_table: 1 }),
};

/** Makes the defaults of new sessions hostile while `work` runs. */
async function withDefaults(work: () => Promise<void>): Promise<void> {
  const set = (text: (value: string | number) => string) =>
    root.query(`SET ${Object.entries(HOSTILE).map(([name, value]) => `GLOBAL ${name} = ${text(value)}`)}`);
  try {
    await set((value) => root.escape(value));
    await work();
  } finally {
    await set(() => "DEFAULT");
  }
}

// init_connect is not run for administrators, so all of this is done by a plain user.
test("import, insert, report, backup and restore give the right results on a server with hostile defaults", () =>
  withDefaults(async () => {
    const database = await open();
    await everythingWorks(database);
    await database.close();
  }));

test("they give the right results if init_connect sets hostile variables and begins a transaction", async () => {
  const settings = Object.entries(HOSTILE).map(([name, value]) => `${name} = ${root.escape(value)}`);
  const text = `SET NAMES latin1; SET ${settings}; START TRANSACTION READ ONLY`;
  await root.query("SET GLOBAL init_connect = ?", [text]);
  const database = await open();
  await everythingWorks(database);
  await database.close();
});

/**
 * Waits until the plain user's connections have been idle for longer than the server's defaults allow, all but the one by
 * which a run reports its progress every second.
 */
async function idle(): Promise<void> {
  for (;;) {
    const [rows] = await root.query<RowDataPacket[]>("SHOW PROCESSLIST");
    const times = rows
      .filter(({ User }) => User === "plain")
      .map(({ Time, Command }) => (Command === "Sleep" ? Time : 0));
    const [_reporting, ...others] = times.toSorted((a, b) => a - b);
    if (others.length > 0 && others.every((seconds) => seconds >= 2)) return;
    await Bun.sleep(100);
  }
}

test("connections and transactions that are idle for longer than wait_timeout are kept", () =>
  withDefaults(async () => {
    const database = await open();
    const report = { say() {} };
    await importSource(database, { source: files, report });
    const whole = await contents(database.pool);
    const store = new DirectoryStore(await folderOf({}));
    /** A store that is slow to write and to read. */
    const slow: BackupStore = Object.assign(Object.create(store), {
      async *read(...place: Parameters<BackupStore["read"]>) {
        await idle();
        yield* store.read(...place);
      },
      begin: async (id: string) => {
        const draft = await store.begin(id);
        return {
          ...draft,
          async write(...content: Parameters<typeof draft.write>) {
            await idle();
            await draft.write(...content);
          },
        };
      },
      ids: () => store.ids(),
      readText: (...place: Parameters<BackupStore["readText"]>) => store.readText(...place),
    });
    const employees = tables.filter(({ name }) => name === "hired_employees");
    await backup(database, slow, { tables: employees, codec: "null", report });
    await database.pool.query("DELETE FROM hired_employees WHERE id > 3");
    await restore(database, slow, { backup: "latest", tables: employees, report });
    expect(await contents(database.pool)).toEqual(whole);
    await database.close();
  }));

test("a connection whose session variables cannot be set is closed with the reason, and the next one works", async () => {
  // A proxy that spoils the name of a variable on its way to the server.
  let spoiled = true;
  const way = createServer((client) => {
    const behind = connectSocket(own.socket);
    client.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      behind.write(spoiled ? text.replace("sql_safe_updates", "sql_safe_apdutes") : text, "latin1");
    });
    behind.on("data", (bytes) => void client.write(bytes));
    for (const [end, other] of [
      [client, behind],
      [behind, client],
    ] as const)
      end.on("close", () => other.destroy());
  });
  await new Promise<void>((done) => way.listen(0, "127.0.0.1", done));
  await (await open()).close();
  const { port } = way.address() as AddressInfo;
  const through = own.url(`127.0.0.1:${port}/${own.name()}`);
  const why = "the database refuses the session that Muster needs (Unknown system variable 'sql_safe_apdutes')";
  await expect(connect(through)).rejects.toThrow(why);
  await expect(migrate(through)).rejects.toThrow(why);

  spoiled = false;
  const database = await connect(through);
  database.renewConnections(); // so its idle connections are closed
  spoiled = true;
  const app = appOver(database);
  const refused = await app.request("/jobs");
  expect([refused.status, ((await refused.json()) as { detail: string }).detail.startsWith(why)]).toEqual([503, true]);
  spoiled = false;
  const answers = await Promise.all([app.request("/jobs"), app.request("/departments")]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  await database.close();
  way.close();
});

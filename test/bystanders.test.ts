/** What other people add to Muster's tables: columns, history, triggers and foreign keys, visible to its user or not. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import type { TableName } from "../src/codecs/tables.ts";
import { connect } from "../src/db/database.ts";
import { clearDeadRuns } from "../src/publish/recovery.ts";
import { Stage } from "../src/publish/stage.ts";
import { beginRun } from "../src/repositories/live-run.ts";
import { PROCESS_SPACE } from "../src/repositories/locks.ts";
import { findRun } from "../src/repositories/run-log.ts";
import { run, startStoppedAt } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf, tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { AT_THE_GATE, underWay } from "./support/observe.ts";
import { asAdministrator, otherDatabase, removeOthers, userWith } from "./support/users.ts";

const database = await freshDatabase();
const other = await otherDatabase();
const folder = await folderOf({});
const store = new DirectoryStore(folder);
const isMariaDb = database.server.version.includes("MariaDB");
const said: string[] = [];
const report = { say: (line: string) => void said.push(line) };
afterAll(async () => {
  await removeOthers();
  await database.close();
  await removeFolders();
});

async function select(statement: string): Promise<Record<string, unknown>[]> {
  return (await database.pool.query<RowDataPacket[]>(statement))[0];
}

const bring = (table: TableName, plan = false) =>
  restore(database, store, { tables: [tableOf(table)], backup: "latest", plan, report });

const everyone = "SELECT id, name FROM hired_employees ORDER BY id";

/** Makes a backup of three employees, then changes one, deletes one and adds one. */
beforeEach(async () => {
  said.length = 0;
  for (const table of ["badges", "keys_of_jobs"]) await asAdministrator(`DROP TABLE IF EXISTS ${other}.${table}`);
  await database.empty();
  await database.pool.query("INSERT INTO departments VALUES (1, 'Legal'), (2, 'Sales')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk'), (2, 'Cook')");
  await database.pool.query(
    "INSERT INTO hired_employees (id, name, datetime, department_id, job_id) VALUES (1, 'Ana', '2021-05-01', 1, 1), (2, 'Bo', '2021-05-01', 1, 1), (3, 'Cy', '2021-05-01', 1, 1)",
  );
  await backup(database, store, { tables, codec: "deflate", report });
  await database.pool.query("UPDATE hired_employees SET name = 'changed' WHERE id = 1");
  await database.pool.query("DELETE FROM hired_employees WHERE id = 2");
  await database.pool.query(
    "INSERT INTO hired_employees (id, name, datetime, department_id, job_id) VALUES (4, 'new', '2021-05-01', 2, 2)",
  );
});
const restored = [
  { id: 1, name: "Ana" },
  { id: 2, name: "Bo" },
  { id: 3, name: "Cy" },
];

const file = async () =>
  folderOf({ "hired_employees.csv": "1,Ana,2021-05-01T00:00:00Z,1,1\n3,Cy,2021-05-01T00:00:00Z,1,1\n" });

const ADDED: [what: string, add: string, remove: string][] = [
  ["a column", "ADD note varchar(20) DEFAULT 'none'", "DROP COLUMN note"],
  ["a column that nobody sees", "ADD note varchar(20) DEFAULT 'none' INVISIBLE", "DROP COLUMN note"],
  ["a check", "ADD CONSTRAINT dba CHECK (name <> '')", "DROP CONSTRAINT dba"],
  ["an index", "ADD INDEX dba (name)", "DROP INDEX dba"],
  ["a comment", "COMMENT 'kept by HR'", "COMMENT ''"],
  ["another row format", "ROW_FORMAT=COMPRESSED", "ROW_FORMAT=DEFAULT"],
];
if (isMariaDb) ADDED.push(["history", "ADD SYSTEM VERSIONING", "DROP SYSTEM VERSIONING"]);

test.each(ADDED)(
  "a table to which the administrator added %s keeps it through a restore and an import",
  async (_, add, remove) => {
    await database.pool.query(`ALTER TABLE hired_employees ${add}`);
    const definition = async () =>
      JSON.stringify(await select("SHOW CREATE TABLE hired_employees")).replace(/ AUTO_INCREMENT=\d+/, "");
    const made = await definition();
    expect((await bring("hired_employees")).tables.hired_employees).toEqual({
      ...{ received: 3, inserted: 1, updated: 1, unchanged: 1, deleted: 1 },
    });
    expect(said.join("\n")).toContain("hired_employees is restored row by row: it is not as its migrations make it");
    expect(await select(everyone)).toEqual(restored);
    await database.pool.query("DELETE FROM hired_employees");
    const imported = await run(["scripts/import.ts", await file()], { DATABASE_URL: database.url });
    expect([imported.code, imported.stderr]).toEqual([
      0,
      expect.stringContaining("hired_employees is filled by INSERT: it"),
    ]);
    expect(await definition()).toBe(made);
    await database.pool.query(`ALTER TABLE hired_employees ${remove}`);
  },
);

test("a restore keeps the values in other people's columns, and a new row gets their default", async () => {
  const touched = "touched datetime DEFAULT '2000-01-01' ON UPDATE CURRENT_TIMESTAMP";
  await database.pool.query(`ALTER TABLE hired_employees ADD note varchar(20) DEFAULT 'none', ADD ${touched}`);
  await database.pool.query("UPDATE hired_employees SET note = CONCAT('note ', id), touched = '2000-01-01'");
  await bring("hired_employees");
  const kept = "CONCAT_WS(' ', id, note, IF(touched = '2000-01-01', 'as it was', 'touched')) AS kept";
  const rows = await select(`SELECT ${kept} FROM hired_employees ORDER BY id`);
  await database.pool.query("ALTER TABLE hired_employees DROP COLUMN note, DROP COLUMN touched");
  expect(rows.map((row) => row.kept)).toEqual(["1 note 1 touched", "2 none as it was", "3 note 3 as it was"]);
});

const withoutHistory = missing("MariaDB, the server with system-versioned tables,", isMariaDb);
test.skipIf(withoutHistory !== "")(
  `a restore adds to the history of a system-versioned table, and removes nothing from it${withoutHistory}`,
  async () => {
    await database.pool.query("ALTER TABLE hired_employees ADD SYSTEM VERSIONING");
    await database.pool.query("UPDATE hired_employees SET name = 'once more' WHERE id = 1");
    await bring("hired_employees");
    const history = await select("SELECT id, name FROM hired_employees FOR SYSTEM_TIME ALL ORDER BY id, row_start");
    await database.pool.query("ALTER TABLE hired_employees DROP SYSTEM VERSIONING");
    expect(history.map(({ id, name }) => `${id} ${name}`)).toEqual([
      "1 changed",
      "1 once more",
      "1 Ana",
      "2 Bo",
      "3 Cy",
      "4 new",
    ]);
  },
);

const BADGES = `CREATE TABLE ${other}.badges (hire int, CONSTRAINT badge FOREIGN KEY (hire) REFERENCES ${database.name}.hired_employees (id)`;
const badges = async () => (await select(`SELECT hire FROM ${other}.badges`)).map(({ hire }) => hire);
const parentOfBadges = async () =>
  /REFERENCES `\w+`[.]`(\w+)`/.exec(JSON.stringify(await select(`SHOW CREATE TABLE ${other}.badges`)))?.[1];

test("a foreign key from a database that the user may not see still refers to the table after every command", async () => {
  const user = await userWith(database.url, `ALL ON ${database.name}.*`);
  const environment = { DATABASE_URL: user.url, BACKUP_STORE: folder };
  await asAdministrator(`${BADGES})`, `INSERT INTO ${other}.badges VALUES (3)`);
  const brought = await run(["scripts/restore.ts", "hired_employees"], environment);
  expect([brought.code, brought.stderr]).toEqual([0, expect.stringContaining("GRANT SHOW VIEW ON *.* TO")]);
  expect([await select(everyone), await parentOfBadges()]).toEqual([restored, "hired_employees"]);
  await asAdministrator(`DELETE FROM ${other}.badges`);
  await database.pool.query("DELETE FROM hired_employees");
  const imported = await run(["scripts/import.ts", await file()], environment);
  expect([imported.code, imported.stderr]).toEqual([
    0,
    expect.stringContaining("is filled by INSERT: the user may not see"),
  ]);
  expect(await parentOfBadges()).toBe("hired_employees");
  expect((await run(["scripts/backup.ts"], environment)).code).toBe(0);
});

test("after the GRANT in the message the table is swapped again", async () => {
  const user = await userWith(database.url, `ALL ON ${database.name}.*`, "SHOW VIEW ON *.*");
  await database.pool.query("DELETE FROM hired_employees");
  const imported = await run(["scripts/import.ts", await file()], { DATABASE_URL: user.url });
  expect([imported.code, imported.stderr]).toEqual([0, expect.not.stringContaining("INSERT: ")]);
});

test("a trigger that the user may not see survives a restore and an import", async () => {
  const rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES";
  const user = await userWith(database.url, `${rights} ON ${database.name}.*`, "SHOW VIEW ON *.*");
  const environment = { DATABASE_URL: user.url, BACKUP_STORE: folder };
  await database.pool.query("CREATE TABLE audit (name varchar(255))");
  await database.pool.query(
    "CREATE TRIGGER hire AFTER INSERT ON hired_employees FOR EACH ROW INSERT INTO audit VALUES (NEW.name)",
  );
  expect((await run(["scripts/restore.ts", "hired_employees"], environment)).code).toBe(0);
  expect(await select(everyone)).toEqual(restored);
  await database.pool.query("DELETE FROM hired_employees");
  expect((await run(["scripts/import.ts", await file()], environment)).code).toBe(0);
  const fired = await select("SELECT name FROM audit");
  await database.pool.query("DROP TABLE audit");
  await database.pool.query("DROP TRIGGER hire");
  expect(fired.map(({ name }) => name).sort()).toEqual(["Ana", "Bo", "Cy"]);
});

test("a restore whose rows are changed by a trigger is undone, and the trigger is named", async () => {
  await database.pool.query(
    "CREATE TRIGGER shout BEFORE INSERT ON hired_employees FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
  );
  const outcome = bring("hired_employees");
  await expect(outcome).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("trigger shout") });
  await database.pool.query("DROP TRIGGER shout");
  expect((await select(everyone)).map(({ id }) => id)).toEqual([1, 3, 4]);
});

const RULES: [rule: string, said: string][] = [
  [
    "ON DELETE CASCADE",
    "1 rows of OTHER.badges would be deleted with rows of hired_employees that the backup lacks (foreign key badge, ON DELETE CASCADE)",
  ],
  [
    "ON DELETE SET NULL",
    "1 rows of OTHER.badges would be changed with rows of hired_employees that the backup lacks (foreign key badge, ON DELETE SET NULL)",
  ],
  [
    "ON DELETE RESTRICT",
    "1 rows of OTHER.badges refer to rows of hired_employees that the backup lacks (foreign key badge)",
  ],
];

test.each(RULES)(
  "a restore that would change rows of others by %s is refused, and so is its plan",
  async (rule, line) => {
    await asAdministrator(`${BADGES} ${rule})`, `INSERT INTO ${other}.badges VALUES (3), (4)`);
    for (const plan of [true, false]) {
      const message = expect.stringContaining(line.replace("OTHER", other));
      await expect(bring("hired_employees", plan)).rejects.toMatchObject({ code: "conflict", message });
    }
    expect(await badges()).toEqual([3, 4]);
    expect((await select(everyone)).map(({ id }) => id)).toEqual([1, 3, 4]);
    await asAdministrator(`DELETE FROM ${other}.badges WHERE hire = 4`);
    await bring("hired_employees");
    expect([await badges(), await select(everyone)]).toEqual([[3], restored]);
  },
);

test("a restore that would change a value to which others refer with ON UPDATE CASCADE is refused", async () => {
  await database.pool.query("DELETE FROM hired_employees WHERE id = 4");
  await database.pool.query("UPDATE hired_employees SET job_id = 2 WHERE id = 3");
  const key = `FOREIGN KEY (job) REFERENCES ${database.name}.hired_employees (job_id)`;
  await asAdministrator(
    ...(isMariaDb ? [] : ["SET SESSION restrict_fk_on_non_standard_key = OFF"]),
    `CREATE TABLE ${other}.badges (job int, CONSTRAINT badge ${key} ON UPDATE CASCADE)`,
    `INSERT INTO ${other}.badges VALUES (2)`,
  );
  const message = expect.stringContaining("(foreign key badge, ON UPDATE CASCADE)");
  await expect(bring("hired_employees", true)).rejects.toMatchObject({ code: "conflict", message });
  await expect(bring("hired_employees")).rejects.toMatchObject({ code: "conflict", message });
  expect(await select(`SELECT job FROM ${other}.badges`)).toEqual([{ job: 2 }]);
});

test("a row that begins to refer to a surplus row while the restore waits for the gate is not deleted with it", async () => {
  await asAdministrator(`${BADGES} ON DELETE CASCADE)`);
  const gate = await database.pool.getConnection();
  await gate.beginTransaction();
  await gate.query("SELECT * FROM muster_gates FOR UPDATE");
  const outcome = bring("hired_employees").catch((error) => error);
  await underWay(database, AT_THE_GATE);
  await asAdministrator(`INSERT INTO ${other}.badges VALUES (4)`);
  await gate.rollback();
  gate.release();
  expect(await outcome).toMatchObject({ code: "conflict", message: expect.stringContaining(`${other}.badges`) });
  expect(await badges()).toEqual([4]);
});

test("no row can begin to refer to a surplus row between the look at the references and the deletion", async () => {
  await asAdministrator(`${BADGES} ON DELETE CASCADE)`);
  const environment = { DATABASE_URL: database.url, BACKUP_STORE: folder };
  const restoring = await startStoppedAt("referrers checked", ["scripts/restore.ts", "hired_employees"], environment);
  let end = "";
  const adding = database.pool.query(`INSERT INTO ${other}.badges VALUES (4)`).then(
    () => "added",
    (error) => error.code,
  );
  adding.then((how) => {
    end = how;
  });
  await Promise.race([adding, underWay(database, /^INSERT INTO .*badges/)]);
  expect(end).toBe("");
  await restoring.goOn();
  expect([await restoring.command.exited, await adding]).toEqual([0, "ER_NO_REFERENCED_ROW_2"]);
  expect([await badges(), await select(everyone)]).toEqual([[], restored]);
});

test.each(["CASCADE", "SET NULL", "RESTRICT"])(
  "a restore is refused if rows that the user may not see refer with ON DELETE %s to rows that it would delete",
  async (rule) => {
    const user = await userWith(database.url, `ALL ON ${database.name}.*`);
    const environment = { DATABASE_URL: user.url, BACKUP_STORE: folder };
    await asAdministrator(`${BADGES} ON DELETE ${rule})`, `INSERT INTO ${other}.badges VALUES (4)`);
    const planned = await run(["scripts/restore.ts", "hired_employees", "--plan"], environment);
    expect([planned.code, planned.stderr]).toEqual([0, expect.stringContaining("GRANT SHOW VIEW ON *.* TO")]);
    const { code, stderr } = await run(["scripts/restore.ts", "hired_employees"], environment);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/GRANT SHOW VIEW ON|foreign key badge/)]);
    expect(await badges()).toEqual([4]);
    expect((await select(everyone)).map(({ id }) => id)).toEqual([1, 3, 4]);
  },
);

test("a dead run that cannot be cleared is reported, and holds up neither the clearing of others nor the command", async () => {
  const begun = [];
  for (const table of ["jobs", "departments"] as const) {
    const each = await beginRun(database, "import", "a test");
    const stage = await Stage.create(database, each, tableOf(table));
    await stage.finish();
    await each.close();
    begun.push(each.id);
  }
  await database.pool.query("UPDATE muster_runs SET owner = ? WHERE id IN (?)", [`${PROCESS_SPACE}:999999999`, begun]);
  // Another table keeps the first run's stage from being dropped.
  const [first = "", second = ""] = begun;
  const stage = `stage_${first.replaceAll("-", "")}_${tables.indexOf(tableOf("jobs"))}`;
  await database.pool.query(
    `CREATE TABLE ${other}.keys_of_jobs (id int, FOREIGN KEY (id) REFERENCES ${database.name}.${stage} (id))`,
  );
  const { code, stderr } = await run(["scripts/backup.ts"], { DATABASE_URL: database.url, BACKUP_STORE: folder });
  expect([code, stderr]).toEqual([0, expect.stringContaining(`what the import ${first} left is still there`)]);
  expect((await findRun(database.db, second))?.status).toBe("failed");
  await asAdministrator(`DROP TABLE ${other}.keys_of_jobs`);
  const user = await connect(database.url);
  await clearDeadRuns(user, report.say);
  await user.close();
  expect((await findRun(database.db, first))?.status).toBe("failed");
  expect(await select("SHOW TABLES LIKE 'stage%'")).toEqual([]);
});

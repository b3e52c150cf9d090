/** What a database holds and which statements it works at, for tests that stop work half-way. */
import type { Pool, RowDataPacket } from "mysql2/promise";
import type { Database } from "../../src/db/database.ts";

const COLUMNS = {
  hired_employees: "id, name, datetime, department_id, job_id",
  jobs: "id, job",
  departments: "id, department",
};
/** Children first, the order in which they can be emptied. */
export const TABLES = Object.keys(COLUMNS);

export async function select(pool: Pool, statement: string): Promise<RowDataPacket[]> {
  return (await pool.query<RowDataPacket[]>(statement))[0];
}

/** The content of each table, as the number of its rows and their checksum. */
export async function contents(pool: Pool): Promise<Record<string, string>> {
  const held: Record<string, string> = {};
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const checksum = `COALESCE(SUM(CRC32(CONCAT_WS('|', ${columns}))), 0)`;
    const [row] = await select(pool, `SELECT CONCAT(COUNT(*), ' rows, ', ${checksum}) AS held FROM ${table}`);
    held[table] = row?.held;
  }
  return held;
}

/** The CREATE TABLE of every table, without AUTO_INCREMENT. */
export async function definitions(pool: Pool): Promise<string[]> {
  const tables = (await select(pool, "SHOW TABLES")).map((row) => String(Object.values(row)[0]));
  const made = tables.map(async (table) => {
    const [row] = await select(pool, `SHOW CREATE TABLE ${table}`);
    return String(row?.["Create Table"]).replace(/ AUTO_INCREMENT=\d+/, "");
  });
  return Promise.all(made);
}

/** Looks until something is found, and answers that. The runner ends a test that hangs here. */
export async function until<T>(
  look: () => T | undefined | false | null | Promise<T | undefined | false | null>,
): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await Bun.sleep(5);
  }
}

/** What holds up every import, restore and write, for `hold`. */
export const GATES = "SELECT * FROM muster_gates FOR UPDATE";
/** What holds up those that write to this table, for `hold`. AT_THE_GATE does not match it. */
export const gateOf = (table: string) => `SELECT * FROM muster_gates AS held WHERE \`table\` = '${table}' FOR UPDATE`;
/** The statement of one that waits at a gate. The server may list GATES itself for a moment after it is done. */
export const AT_THE_GATE = /FROM muster_gates WHERE/;

/** Begins another program's transaction with a statement. @returns a function that rolls it back */
export async function hold(pool: Pool, statement: string): Promise<() => Promise<void>> {
  const other = await pool.getConnection();
  await other.beginTransaction();
  await other.query(statement);
  let held = true;
  return async () => {
    if (!held) return;
    held = false;
    await other.rollback();
    other.release();
  };
}

/**
 * Lets everything that reads a table wait, if the table has rows. A view with a named lock stands in for the table, because
 * on TiDB no lock makes a read wait.
 * @returns a function that lets them go on
 */
export async function holdReads({ pool, name }: Database, table: string): Promise<() => Promise<void>> {
  const lock = `'${name}.${table}'`;
  const other = await pool.getConnection();
  await other.query(`DO GET_LOCK(${lock}, 0)`);
  await other.query(`RENAME TABLE ${table} TO ${table}_held`);
  const waits = `GET_LOCK(${lock}, 3600) + RELEASE_LOCK(${lock}) = 2`;
  await other.query(`CREATE VIEW ${table} AS SELECT * FROM ${table}_held WHERE ${waits}`);
  return async () => {
    await other.query(`DO RELEASE_LOCK(${lock})`);
    await other.query(`DROP VIEW ${table}`);
    await other.query(`RENAME TABLE ${table}_held TO ${table}`);
    other.release();
  };
}

/** Waits until the server works at such a statement in this database, or the statement waits for a lock. */
export const underWay = (database: Database, statement: RegExp): Promise<true> =>
  until(() => isAt(database, statement));

/** Waits until the server works at no such statement in this database. */
export const gone = (database: Database, statement: RegExp): Promise<true> =>
  until(async () => !(await isAt(database, statement)));

async function isAt({ pool, name }: Database, statement: RegExp): Promise<boolean> {
  const processes = await select(pool, "SHOW FULL PROCESSLIST");
  return processes.some(({ db, Info }) => db === name && statement.test(Info ?? ""));
}

/** Waits until the server works at such a statement in this database, or the command has ended. */
export async function seen(database: Database, statement: RegExp, command: { exitCode: number | null }): Promise<void> {
  while (command.exitCode === null && !(await isAt(database, statement)));
}

/**
 * Many rows at once: a stage takes them while files are read, and a publish moves the whole stage into its table in one
 * step, alone at the table's gate (design sections 2, Gates, and 5).
 */
import { escapeId } from "mysql2";
import type { Connection, Pool, PoolConnection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { type Row, type Table, tableOf, tables } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { driverError } from "../db/errors.ts";
import { loadRows } from "./load.ts";
import { CHARACTERS_PER_INSERT, columnList, insertRows, keyOf, ROWS_PER_INSERT, readRows } from "./rows.ts";

/** Rows of one LOAD DATA: what a statement costs is nothing beside them, and they are soon on their way. */
const ROWS_PER_LOAD = 20_000;
/** A MySQL group refuses transactions over 150 MB: loads commit about this often. */
const BYTES_PER_COMMIT = 32 * 1024 * 1024;

/** The name of a run's stage for a table: fits 64 characters whatever the table is called. */
export function stageName(run: string, table: Table): string {
  return `${stagePrefix(run)}${tables.indexOf(table)}`;
}

const stagePrefix = (run: string) => `stage_${run.replaceAll("-", "")}_`;

/** Drops every stage of a run. */
export async function dropStages(database: Database, run: string): Promise<void> {
  const [rows] = await database.pool.query<RowDataPacket[]>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE ?",
    [database.name, `${stagePrefix(run).replaceAll("_", "\\_")}%`],
  );
  for (const { name } of rows) await database.pool.query(`DROP TABLE IF EXISTS ${escapeId(name)}`);
}

/** A table like the target with its primary key alone: rows are loaded into it in any order, seen by nobody. */
export class Stage {
  readonly name: string;
  /** About the bytes of the values that were sent. */
  bytes = 0;
  #rows: Row[] = [];
  #bytes = 0;
  #uncommitted = 0;
  #sending: Promise<unknown> = Promise.resolve();

  readonly #rowsPerSend: number;

  private constructor(
    readonly table: Table,
    private readonly connection: PoolConnection,
    private readonly loadsData: boolean,
    run: string,
  ) {
    this.name = stageName(run, table);
    this.#rowsPerSend = loadsData ? ROWS_PER_LOAD : ROWS_PER_INSERT;
  }

  static async create(database: Database, run: string, table: Table): Promise<Stage> {
    const connection = await database.pool.getConnection();
    const stage = new Stage(table, connection, database.server.loadsData, run);
    try {
      await connection.query(`CREATE TABLE ${escapeId(stage.name)} LIKE ${escapeId(table.name)}`);
      const [indexes] = await connection.query<RowDataPacket[]>(
        `SELECT DISTINCT index_name AS name FROM information_schema.statistics
         WHERE table_schema = ? AND table_name = ? AND index_name <> 'PRIMARY'`,
        [database.name, stage.name],
      );
      const drops = indexes.map(({ name }) => `DROP INDEX ${escapeId(name)}`).join(", ");
      if (drops) await connection.query(`ALTER TABLE ${escapeId(stage.name)} ${drops}`);
      await connection.beginTransaction();
      return stage;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** Takes rows whose ids the stage does not hold yet. Sends them in the background while the caller reads on. */
  async add(rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      this.#rows.push(row);
      for (const value of row) this.#bytes += typeof value === "string" ? value.length : 8;
      if (this.#rows.length === this.#rowsPerSend || this.#bytes >= CHARACTERS_PER_INSERT) await this.#send();
    }
  }

  /** The staged rows with these ids. */
  async find(ids: readonly number[]): Promise<Row[]> {
    await this.#flush();
    return readRows(this.connection, this.table, ids, this.name);
  }

  /** Every row is in the stage and committed; the connection is given back. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.connection.commit();
    this.connection.release();
  }

  /** For a run that ends before it is finished. The stage itself is dropped with the run. */
  abandon(): void {
    this.connection.destroy();
  }

  async #flush(): Promise<void> {
    if (this.#rows.length > 0) await this.#send();
    await this.#sending;
  }

  async #send(): Promise<void> {
    await this.#sending;
    const rows = this.#rows;
    const bytes = this.#bytes;
    this.#rows = [];
    this.#bytes = 0;
    this.#sending = this.#insert(rows, bytes);
    this.#sending.catch(() => {}); // reported by whoever awaits it next
  }

  async #insert(rows: Row[], bytes: number): Promise<void> {
    const send = this.loadsData ? loadRows : insertRows;
    await send(this.connection, this.table, rows, this.name);
    this.bytes += bytes;
    this.#uncommitted += bytes;
    if (this.#uncommitted >= BYTES_PER_COMMIT) {
      await this.connection.commit();
      await this.connection.beginTransaction();
      this.#uncommitted = 0;
    }
  }
}

/** What other writers did to a table between the judging of the stage and its publish. */
export interface LateVerdicts {
  /** Rows that are stored meanwhile just as they are staged. */
  unchanged: number;
  /** Rows whose id is stored meanwhile with other values. */
  duplicates: Row[];
  /** Rows whose reference is gone meanwhile, by the index of the column. */
  orphans: { row: Row; column: number }[];
}

/**
 * Moves the stage into its table, inside the caller's transaction and with the gates held. Where the table has changed
 * since the rows were judged, what does not fit any more is taken out of the stage and told.
 * @returns rows inserted, and the late verdicts
 */
export async function publishByAppend(
  connection: Connection,
  table: Table,
  stage: string,
): Promise<{ inserted: number; late: LateVerdicts }> {
  const late: LateVerdicts = { unchanged: 0, duplicates: [], orphans: [] };
  for (let attempt = 1; ; attempt++) {
    await connection.query("SAVEPOINT publish");
    try {
      return { inserted: await append(connection, table, stage), late };
    } catch (error) {
      const code = driverError(error)?.code;
      if ((code !== "ER_DUP_ENTRY" && code !== "ER_NO_REFERENCED_ROW_2") || attempt === PUBLISH_ATTEMPTS_MAX)
        throw error;
      await connection.query("ROLLBACK TO SAVEPOINT publish");
      await takeOut(connection, table, stage, late);
    }
  }
}

/** Only writers that do not know the gates can make a second attempt fail. */
const PUBLISH_ATTEMPTS_MAX = 5;

async function append(connection: Connection, table: Table, stage: string): Promise<number> {
  const columns = columnList(table.columns);
  const key = keyOf(table);
  const insert = `INSERT INTO ${escapeId(table.name)} (${columns}) SELECT ${columns} FROM ${escapeId(stage)}`;
  const [counted] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS \`rows\`, MAX(${key}) AS last FROM ${escapeId(stage)}`,
  );
  const { rows, last } = counted[0] as { rows: number; last: number | null };
  if (last === null) return 0;
  // The highest id first: it raises AUTO_INCREMENT at once, so that nobody else is given an id that follows here.
  const [first] = await connection.query<ResultSetHeader>(`${insert} WHERE ${key} = ?`, [last]);
  const [rest] = await connection.query<ResultSetHeader>(`${insert} WHERE ${key} < ? ORDER BY ${key}`, [last]);
  const inserted = first.affectedRows + rest.affectedRows;
  if (inserted !== rows) throw new Error(`${inserted} of ${rows} staged rows of ${table.name} arrived`);
  return inserted;
}

async function takeOut(connection: Connection, table: Table, stage: string, late: LateVerdicts): Promise<void> {
  const key = keyOf(table);
  const same = table.columns
    .map(({ name }) => `BINARY s.${escapeId(name)} <=> BINARY t.${escapeId(name)}`)
    .join(" AND ");
  const joined = `FROM ${escapeId(stage)} s JOIN ${escapeId(table.name)} t ON t.${key} = s.${key}`;
  const [unchanged] = await connection.query<ResultSetHeader>(`DELETE s ${joined} WHERE ${same}`);
  late.unchanged += unchanged.affectedRows;
  // LOCK IN SHARE MODE reads what is committed now: the transaction's snapshot may be older than the conflict.
  const [others] = await connection.query<RowDataPacket[]>(`SELECT s.${key} AS id ${joined} LOCK IN SHARE MODE`);
  const taken = others.map(({ id }) => id as number);
  late.duplicates.push(...(await readRows(connection, table, taken, stage)));
  for (const { column, table: parent } of table.references) {
    const reference = `s.${escapeId(table.columns[column]?.name ?? "")}`;
    const parentKey = `p.${keyOf(tableOf(parent))}`;
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT s.${key} AS id FROM ${escapeId(stage)} s LEFT JOIN ${escapeId(parent)} p ON ${parentKey} = ${reference}
       WHERE ${reference} IS NOT NULL AND ${parentKey} IS NULL LOCK IN SHARE MODE`,
    );
    const ids = rows.map(({ id }) => id as number);
    for (const row of await readRows(connection, table, ids, stage)) late.orphans.push({ row, column });
    taken.push(...ids);
  }
  for (let start = 0; start < taken.length; start += ROWS_PER_INSERT) {
    await connection.query(`DELETE FROM ${escapeId(stage)} WHERE ${key} IN (?)`, [
      taken.slice(start, start + ROWS_PER_INSERT),
    ]);
  }
}

/** The lowest and highest id that a table holds; undefined where it is empty. */
export async function idRange(pool: Pool, table: Table): Promise<{ from: number; to: number } | undefined> {
  const key = keyOf(table);
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT MIN(${key}) AS \`from\`, MAX(${key}) AS \`to\` FROM ${escapeId(table.name)}`,
  );
  const range = rows[0] as { from: number | null; to: number | null } | undefined;
  return range && range.from !== null && range.to !== null ? { from: range.from, to: range.to } : undefined;
}

/** The id that a table assigns next, as the server keeps it; a table that has never had a row says 1. */
export async function nextId(connection: Connection, table: Table): Promise<number> {
  // information_schema has it from a cache that may be a day old.
  const [rows] = await connection.query<RowDataPacket[]>(`SHOW CREATE TABLE ${escapeId(table.name)}`);
  return Number(/ AUTO_INCREMENT=(\d+)/.exec(rows[0]?.["Create Table"])?.[1] ?? 1);
}

/** Seconds that DDL waits for readers of the table, who in turn make others wait behind it; and how often it tries. */
const DDL_WAIT_S = 1;
const DDL_ATTEMPTS_MAX = 20;

/** Makes sure that a table assigns no id below `next`. Never lowers it. Commits what the connection has open. */
export async function raiseAutoIncrement(connection: Connection, table: Table, next: number): Promise<void> {
  if ((await nextId(connection, table)) >= next) return;
  await connection.query(`SET SESSION lock_wait_timeout = ${DDL_WAIT_S}`);
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.query(`ALTER TABLE ${escapeId(table.name)} AUTO_INCREMENT = ${Math.trunc(next)}`);
      return;
    } catch (error) {
      if (driverError(error)?.code !== "ER_LOCK_WAIT_TIMEOUT" || attempt === DDL_ATTEMPTS_MAX) throw error;
    }
  }
}

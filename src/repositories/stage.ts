/** Where rows wait, seen by nobody, until all of their files are read and judged (design section 5). */
import { escapeId } from "mysql2";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { type Row, type Table, tables } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { loadRows } from "./load.ts";
import { CHARACTERS_PER_INSERT, insertRows, ROWS_PER_INSERT, readRows } from "./rows.ts";

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

/** The runs whose stages are there. */
export async function stagedRuns(database: Database): Promise<string[]> {
  const [rows] = await database.pool.query<RowDataPacket[]>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE 'stage\\_%'",
    [database.name],
  );
  const ids = rows.flatMap(({ name }) => {
    const [, ...parts] = /^stage_(.{8})(.{4})(.{4})(.{4})(.{12})_/.exec(name) ?? [];
    return parts.length > 0 ? [parts.join("-")] : [];
  });
  return [...new Set(ids)];
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

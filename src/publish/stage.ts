/**
 * Stages: tables where rows wait, unseen, until all files of a run are read and judged. A stage has the declared columns and
 * the primary key of its table, and nothing else, or the columns and key of staged-table.ts. This file names, fills and drops
 * stages; stage-table.ts makes them.
 */
import { escapeId } from "mysql2";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import type { Row, Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { debugPoint } from "../debug-points.ts";
import { ROWS_PER_TURN, turn } from "../event-loop.ts";
import { InsertBatch } from "../repositories/inserts.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import { readRowsNear } from "../repositories/rows.ts";
import { LoadBatch } from "./load.ts";
import { createBare } from "./stage-table.ts";

/**
 * Connections that fill a stage. MySQL loads on both at the same time. MariaDB lets only one connection at a time load into a
 * table with AUTO_INCREMENT. Two still help there: the server receives the next batch while it commits the last one.
 */
const LANES = 2;
/** Each connection can send one batch, while one more is filled. */
const BATCHES = LANES + 1;

/** The name of a run's stage for a table. It ends with the table's number, not its name: it can have at most 64 characters. */
export function stageName(run: string, table: Table): string {
  return `${stagePrefix(run)}${table.order}`;
}

const stagePrefix = (run: string) => `stage_${run.replaceAll("-", "")}_`;

/** Drops every stage of a run. */
export async function dropStages(database: Database, run: string): Promise<void> {
  for (const name of await stagesNamed(database, stagePrefix(run)))
    await database.pool.query(`DROP TABLE IF EXISTS ${escapeId(name)}`);
}

/** The ids of all runs that have a stage in the database. */
export async function stagedRuns(database: Database): Promise<string[]> {
  const ids = (await stagesNamed(database, "stage_")).flatMap((name) => {
    const [, ...parts] = /^stage_(.{8})(.{4})(.{4})(.{4})(.{12})_/.exec(name) ?? [];
    return parts.length > 0 ? [parts.join("-")] : [];
  });
  return [...new Set(ids)];
}

async function stagesNamed({ pool, name }: Database, prefix: string): Promise<string[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE ?",
    [name, `${prefix.replaceAll("_", "\\_")}%`],
  );
  return rows.map((row) => row.name);
}

export class Stage {
  /** About how many bytes the stored values have. */
  bytes = 0;
  #rows = 0;
  readonly #lanes: Lane[] = [];
  /** Rows are added to the first batch. When it is sent, it moves to the end. */
  readonly #batches: Batch[] = [];

  /** @param table has the columns and the key of the stage */
  private constructor(
    readonly name: string,
    private readonly table: Table,
  ) {}

  /**
   * Creates a stage on the run's own connection. A command that clears a dead run waits until the server has ended this
   * connection before it drops the stages, so no stage can appear afterwards. The stage's other connections may last
   * longer, but their statements fail once the stage is gone.
   * @param staged has the columns and the key of the stage, if they are not those of the table
   */
  static async create(
    database: Database,
    { id, connection: own }: LiveRun,
    table: Table,
    staged: Table = table,
  ): Promise<Stage> {
    const stage = new Stage(stageName(id, table), staged);
    try {
      while (stage.#lanes.length < LANES) {
        stage.#lanes.push({ connection: await database.pool.getConnection(), idle: Promise.resolve() });
      }
      const loadsData = database.server.loadsData && (await allowsLoading(stage.#lane.connection));
      while (stage.#batches.length < BATCHES) {
        const rows = loadsData ? new LoadBatch() : new InsertBatch();
        stage.#batches.push({ rows, sent: Promise.resolve() });
      }
      await createBare(own, staged, stage.name);
      return stage;
    } catch (error) {
      stage.abandon();
      throw error;
    }
  }

  /** Adds rows whose ids the stage does not hold yet. The rows are sent in the background while the caller reads on. */
  async add(rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      if (++this.#rows % ROWS_PER_TURN === 0) await turn();
      if (this.#batch.rows.add(row)) continue;
      await this.#send();
      this.#batch.rows.add(row);
    }
  }

  /** The staged rows with these ids. The answer may hold other rows too. */
  async find(ids: readonly number[]): Promise<Row[]> {
    await this.#flush();
    return readRowsNear(this.#lane.connection, this.table, ids, this.name);
  }

  /** Returns when every row is committed in the stage. Gives the connections back. */
  async finish(): Promise<void> {
    await this.#flush();
    for (const { connection } of this.#lanes) connection.release();
  }

  /** Gives up filling the stage. The table is dropped when its run ends. */
  abandon(): void {
    for (const { connection } of this.#lanes) connection.destroy();
  }

  get #lane(): Lane {
    return this.#lanes[0] as Lane;
  }

  get #batch(): Batch {
    return this.#batches[0] as Batch;
  }

  async #flush(): Promise<void> {
    if (this.#batch.rows.rows > 0) await this.#send();
    await Promise.all(this.#batches.map(({ sent }) => sent));
  }

  /** Sends the batch, after the batches before it on its connection. Returns when the next batch is free to take rows. */
  async #send(): Promise<void> {
    const [lane, batch] = [this.#lane, this.#batch];
    batch.sent = lane.idle.then(() => this.#store(lane, batch));
    batch.sent.catch(() => {}); // the error is thrown where `sent` is awaited
    lane.idle = batch.sent;
    this.#lanes.push(...this.#lanes.splice(0, 1));
    this.#batches.push(...this.#batches.splice(0, 1));
    await this.#batch.sent;
  }

  /** Each batch is a transaction of its own: a MySQL group refuses transactions over 150 MB. */
  async #store({ connection }: Lane, { rows }: Batch): Promise<void> {
    await connection.beginTransaction();
    await rows.send(connection, this.table, this.name);
    await connection.commit();
    debugPoint("rows staged");
    this.bytes += rows.bytes;
    rows.clear();
  }
}

/** Whether LOAD DATA is allowed now: an administrator may have switched it off since the server was first looked at. */
async function allowsLoading(connection: PoolConnection): Promise<boolean> {
  const [rows] = await connection.query("SELECT @@GLOBAL.local_infile AS isOn");
  return (rows as { isOn: number }[])[0]?.isOn === 1;
}

interface Lane {
  connection: PoolConnection;
  /** Fulfilled when the connection has sent every batch that it was given. */
  idle: Promise<void>;
}

interface Batch {
  rows: LoadBatch | InsertBatch;
  sent: Promise<void>;
}

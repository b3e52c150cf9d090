/** Where rows wait, seen by nobody, until all of their files are read and judged (design section 5). */
import { escapeId } from "mysql2";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { type Row, type Table, tables } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { debugPoint } from "../debug-points.ts";
import { ROWS_PER_TURN, turn } from "../event-loop.ts";
import { InsertBatch } from "../repositories/inserts.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import { readRowsNear } from "../repositories/rows.ts";
import { createDeclared } from "./declared.ts";
import { LoadBatch } from "./load.ts";

/**
 * Connections that fill a stage. MySQL loads on both at once; MariaDB lets loads into a table with AUTO_INCREMENT take
 * turns, but while the one ends its transaction the next is on its way.
 */
const LANES = 2;
/** One more than can be on their way: it is filled meanwhile. */
const BATCHES = LANES + 1;

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

/** A table with the target's declared columns and its primary key alone: rows are loaded into it in any order, unseen. */
export class Stage {
  readonly name: string;
  /** Bytes of the values that were sent, about. */
  bytes = 0;
  #rows = 0;
  readonly #lanes: Lane[] = [];
  /** The first takes rows; each goes to the end when it is sent. */
  readonly #batches: Batch[] = [];

  private constructor(
    readonly table: Table,
    run: string,
  ) {
    this.name = stageName(run, table);
  }

  /**
   * Makes it by the run's own connection: whoever clears a dead run waits until the server has done with that one, so that
   * no stage is made behind them. What the other connections were asked for fails then, as there is no stage.
   */
  static async create(database: Database, { id, connection: own }: LiveRun, table: Table): Promise<Stage> {
    const stage = new Stage(table, id);
    try {
      while (stage.#lanes.length < LANES) {
        stage.#lanes.push({ connection: await database.pool.getConnection(), idle: Promise.resolve() });
      }
      while (stage.#batches.length < BATCHES) {
        const rows = database.server.loadsData ? new LoadBatch() : new InsertBatch();
        stage.#batches.push({ rows, sent: Promise.resolve() });
      }
      await createDeclared(own, table, stage.name);
      return stage;
    } catch (error) {
      stage.abandon();
      throw error;
    }
  }

  /** Takes rows whose ids the stage does not hold yet. Sends them in the background while the caller reads on. */
  async add(rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      if (++this.#rows % ROWS_PER_TURN === 0) await turn();
      if (this.#batch.rows.add(row)) continue;
      await this.#send();
      this.#batch.rows.add(row);
    }
  }

  /** The staged rows with these ids; it may be others as well. */
  async find(ids: readonly number[]): Promise<Row[]> {
    await this.#flush();
    return readRowsNear(this.#lane.connection, this.table, ids, this.name);
  }

  /** Every row is in the stage and committed; the connections are given back. */
  async finish(): Promise<void> {
    await this.#flush();
    for (const { connection } of this.#lanes) connection.release();
  }

  /** For a run that ends before it is finished. The stage itself is dropped with the run. */
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

  /** Sends what has been added, behind what its lane sends; the next rows go to the next batch, as soon as that is free. */
  async #send(): Promise<void> {
    const [lane, batch] = [this.#lane, this.#batch];
    batch.sent = lane.idle.then(() => this.#store(lane, batch));
    batch.sent.catch(() => {}); // reported by whoever awaits it next
    lane.idle = batch.sent;
    this.#lanes.push(...this.#lanes.splice(0, 1));
    this.#batches.push(...this.#batches.splice(0, 1));
    await this.#batch.sent;
  }

  /** Each batch is a transaction of its own: a MySQL group refuses those over 150 MB. */
  async #store({ connection }: Lane, { rows }: Batch): Promise<void> {
    await connection.beginTransaction();
    await rows.send(connection, this.table, this.name);
    await connection.commit();
    debugPoint("rows staged");
    this.bytes += rows.bytes;
    rows.clear();
  }
}

interface Lane {
  connection: PoolConnection;
  /** When what was given to it is sent. */
  idle: Promise<void>;
}

interface Batch {
  rows: LoadBatch | InsertBatch;
  sent: Promise<void>;
}

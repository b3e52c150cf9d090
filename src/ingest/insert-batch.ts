/** Rows that come by request (design section 4, Insert): judged like an import's, and stored in one transaction. */
import { drizzle } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { type Candidate, type Row, type Table, type TableName, tableOf, tables } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import type { Counts, Reason, RunKind } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import type { BatchRow } from "../read/request-rows.ts";
import { passGates } from "../repositories/gates.ts";
import { addRejections } from "../repositories/rejection-log.ts";
import { existingIds, readRows } from "../repositories/rows.ts";
import { noRows, recordRun } from "../repositories/run-log.ts";
import type { World } from "./judge.ts";
import { judgeAndStore } from "./store-rows.ts";

export interface Batch {
  kind: Extract<RunKind, "insert" | "replay">;
  source: string;
  rows: readonly BatchRow[];
  /** All or nothing. */
  strict: boolean;
}

/** What became of one row, in the form in which it is answered. */
export interface RowVerdict {
  table: TableName;
  index: number;
  status: "inserted" | "unchanged" | "rejected" | "withheld";
  id?: number;
  rejection?: number;
  reasons?: Reason[];
  /** The rejection whose row this was. */
  replaces?: number;
}

export interface BatchOutcome {
  run: string;
  counts: Partial<Record<TableName, Counts>>;
  /** One per row of the batch, in its order. */
  verdicts: RowVerdict[];
}

interface Entry {
  row: BatchRow;
  candidate: Candidate;
  verdict: RowVerdict;
}

/**
 * Judges and stores a batch inside the caller's transaction: its rows, rejections, run and counts are committed or undone
 * together. Parents are stored before their children are judged, so that a child may refer to a parent that has no id yet.
 * @throws MusterError `unavailable` where a publish or restore holds a table's gate for too long
 */
export async function insertBatch(database: Database, connection: PoolConnection, batch: Batch): Promise<BatchOutcome> {
  const run = Bun.randomUUIDv7();
  const began = performance.now();
  const entries = batch.rows.map(entryOf);
  const part = tables.filter((table) => batch.rows.some((row) => row.table === table.name));
  await passGates(connection, { shared: part.map((table) => table.name) }, (table) => {
    throw new MusterError("unavailable", `${table} is being published or restored: try again`);
  });
  const world = new BatchWorld(connection);
  if (batch.strict) await connection.query("SAVEPOINT batch");
  for (const table of part) {
    const candidates = entries.filter((entry) => entry.row.table === table.name).map((entry) => entry.candidate);
    await judgeAndStore({ connection, table, world }, candidates);
    world.accept(table, candidates);
  }
  const rejected = entries.filter(({ candidate }) => candidate.reasons.length > 0);
  const refused = batch.strict && rejected.length > 0;
  if (refused) await connection.query("ROLLBACK TO SAVEPOINT batch");
  for (const entry of entries) conclude(entry, refused);
  await log(connection, run, rejected);
  const counts = count(entries);
  const status = refused ? "refused" : "succeeded";
  const { kind, source } = batch;
  await recordRun(database, drizzle(connection), { id: run, kind, source, status, counts, began });
  return { run, counts, verdicts: entries.map(({ verdict }) => verdict) };
}

/** A transaction may run more than once: what it changes of a row is its own copy. */
function entryOf(row: BatchRow): Entry {
  const { table, index, shaped, replaces } = row;
  const candidate = { values: shaped.values, reasons: [...shaped.reasons] };
  const verdict: RowVerdict = { table, index, status: "rejected" };
  if (replaces !== undefined) verdict.replaces = replaces;
  return { row, candidate, verdict };
}

/** @param withheld whether the good rows of the batch were not stored, as others are rejected */
function conclude({ candidate, verdict }: Entry, withheld: boolean): void {
  const { values, reasons, unchanged, assigned } = candidate;
  if (reasons.length > 0) return;
  verdict.status = unchanged ? "unchanged" : withheld ? "withheld" : "inserted";
  const given = values[tableOf(verdict.table).key];
  const id = typeof given === "number" ? given : withheld ? undefined : assigned;
  if (id !== undefined) verdict.id = id;
}

async function log(connection: PoolConnection, run: string, rejected: readonly Entry[]) {
  const rows = rejected.map(({ row, candidate: { reasons } }) => {
    const { table, index, columns, replaces, origin = { file: null, position: index } } = row;
    return {
      table,
      ...origin,
      raw: row.raw(),
      reasons,
      ...(columns && { columns }),
      ...(replaces && { replaces }),
    };
  });
  const ids = await addRejections(drizzle(connection), run, rows);
  rejected.forEach(({ verdict, candidate }, index) => {
    verdict.reasons = candidate.reasons;
    const id = ids[index];
    if (id !== undefined) verdict.rejection = id;
  });
}

function count(entries: readonly Entry[]): BatchOutcome["counts"] {
  const counts: BatchOutcome["counts"] = {};
  for (const { verdict } of entries) {
    const each = counts[verdict.table] ?? noRows();
    each.received++;
    each[verdict.status]++;
    counts[verdict.table] = each;
  }
  return counts;
}

/** What a batch knows: the rows stored now, and the parents that it brings itself. Nothing is kept for the next one. */
class BatchWorld implements World {
  readonly #accepted = new Map<TableName, Set<number>>();

  constructor(private readonly connection: PoolConnection) {}

  accept(table: Table, candidates: readonly Candidate[]): void {
    const ids = new Set<number>();
    for (const { values, reasons, assigned } of candidates) {
      const id = values[table.key] ?? assigned;
      if (reasons.length === 0 && typeof id === "number") ids.add(id);
    }
    this.#accepted.set(table.name, ids);
  }

  stored(table: Table, ids: readonly number[]): Promise<Row[]> {
    return readRows(this.connection, table, ids);
  }

  async missing(table: TableName, ids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
    const accepted = this.#accepted.get(table);
    const unknown = [...ids].filter((id) => !accepted?.has(id));
    const found = await existingIds(this.connection, tableOf(table), unknown);
    return new Set(unknown.filter((id) => !found.has(id)));
  }
}

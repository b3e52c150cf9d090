/** Rows that come by request (design section 4, Insert): judged like an import's, and stored in one transaction. */
import { drizzle } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { type Row, type Table, type TableName, tableOf, tables } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import type { Counts, Reason, RunKind } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { passGates } from "../repositories/gates.ts";
import { insertRows, insertRowsWithoutId } from "../repositories/inserts.ts";
import { addRejections } from "../repositories/rejections.ts";
import { existingIds, readRows } from "../repositories/rows.ts";
import { noRows, recordRun } from "../repositories/runs.ts";
import type { BatchRow } from "./batch.ts";
import { type Candidate, judge, type World } from "./judge.ts";

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
 * together. A driver error of LOST_RACES means that another writer came first, and that the transaction is worth another try.
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
  for (const table of part) {
    const candidates = entries.filter((entry) => entry.row.table === table.name).map((entry) => entry.candidate);
    await judge(table, candidates, world);
    world.accept(table, candidates);
  }
  const rejected = entries.filter(({ candidate }) => candidate.reasons.length > 0);
  const refused = batch.strict && rejected.length > 0;
  for (const { candidate, verdict } of entries) {
    if (candidate.reasons.length > 0) verdict.status = "rejected";
    else if (candidate.unchanged) verdict.status = "unchanged";
    else verdict.status = refused ? "withheld" : "inserted";
  }
  for (const table of part) await store(database, connection, table, entries);
  await log(database, connection, run, rejected);
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

/** Rows with an id first, in its order so that two batches do not wait for each other; then those the database numbers. */
async function store(database: Database, connection: PoolConnection, table: Table, entries: readonly Entry[]) {
  const withId: Row[] = [];
  const withoutId: Entry[] = [];
  for (const entry of entries) {
    if (entry.row.table !== table.name || entry.verdict.status === "rejected") continue;
    const id = entry.candidate.values[table.key];
    if (typeof id === "number") entry.verdict.id = id;
    if (entry.verdict.status !== "inserted") continue;
    if (typeof id === "number") withId.push(entry.candidate.values as Row);
    else withoutId.push(entry);
  }
  withId.sort((a, b) => (a[table.key] as number) - (b[table.key] as number));
  await insertRows(connection, table, withId);
  const rows = withoutId.map(({ candidate }) => candidate.values as Row);
  const ids = await insertRowsWithoutId(connection, table, rows, database.server.idStep);
  withoutId.forEach(({ verdict }, index) => {
    const id = ids[index];
    if (id !== undefined) verdict.id = id;
  });
}

async function log(database: Database, connection: PoolConnection, run: string, rejected: readonly Entry[]) {
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
  const ids = await addRejections(drizzle(connection), run, rows, database.server.idStep);
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
    for (const { values, reasons } of candidates) {
      const id = values[table.key];
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

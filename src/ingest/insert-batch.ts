/** Judges the rows of a request or a replay like those of an import, and stores them in one transaction. */
import { drizzle } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import type { Dictionary } from "../codecs/dictionary.ts";
import { rowName } from "../codecs/key-text.ts";
import { givenValues, type TableName } from "../codecs/tables.ts";
import type { Counts, Reason, RunKind } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { rowRecipe } from "../read/recipes/recipe-parts.ts";
import type { BatchRow } from "../read/request-rows.ts";
import { passGates } from "../repositories/gates.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { addRejections } from "../repositories/rejection-log.ts";
import { noRows, recordRun } from "../repositories/run-log.ts";
import { BatchKnownRows } from "./batch-known-rows.ts";
import type { Verdict } from "./judge.ts";
import { judgeAndStoreByServer } from "./store-by-server.ts";
import { type JudgedRow, judgeAndStore } from "./store-rows.ts";

export interface Batch {
  kind: Extract<RunKind, "insert" | "replay">;
  source: string;
  rows: readonly BatchRow[];
  /** Store no row at all if one is rejected. */
  strict: boolean;
}

/** What became of one row, in the shape of an HTTP answer. */
export interface RowAnswer {
  table: TableName;
  index: number;
  status: "inserted" | "unchanged" | "rejected" | "withheld";
  /** Its key: as `id` if it is a number, else by the names of its columns. */
  id?: number;
  key?: Record<string, unknown>;
  /** The id of its rejection in the log, and why it is rejected. */
  rejection?: number;
  reasons?: Reason[];
  /** The rejection whose row was replayed. */
  replaces?: number;
}

export interface BatchOutcome {
  run: string;
  counts: Partial<Record<TableName, Counts>>;
  /** One per row of the batch, in its order. */
  rows: RowAnswer[];
}

/**
 * Judges and stores a batch inside the caller's transaction: its rows, rejections, run and counts are committed or undone
 * together. Parents are stored before their children are judged, so that a child may refer to a parent of the same batch.
 * @throws MusterError `unavailable` if a publish or restore holds a table's gate for too long
 */
export async function insertBatch(
  database: MusterDatabase,
  connection: PoolConnection,
  batch: Batch,
): Promise<BatchOutcome> {
  const run = Bun.randomUUIDv7();
  const began = performance.now();
  const { inOrder, isRefused } = await judgeBatch(database, connection, batch);
  const rejections = await logRejected(connection, run, inOrder);
  const rows = inOrder.map((each) => answerTo(database.dictionary, each, rejections.get(each), isRefused));
  const counts = countOf(rows);
  const status = isRefused ? "refused" : "succeeded";
  const { kind, source } = batch;
  await recordRun(database, connection, { id: run, kind, source, status, counts, began });
  return { run, counts, rows };
}

/** What insertBatch would answer, except the ids of rejections. It records nothing; the caller rolls back the rows that are stored. */
export async function rehearseBatch(
  database: MusterDatabase,
  connection: PoolConnection,
  rows: readonly BatchRow[],
): Promise<Omit<BatchOutcome, "run">> {
  const { inOrder } = await judgeBatch(database, connection, { rows, strict: false });
  const answers = inOrder.map((each) => answerTo(database.dictionary, each, undefined, false));
  return { counts: countOf(answers), rows: answers };
}

/** Judges and stores the rows of a batch. @returns their verdicts in its order, and whether no row is stored in the end */
async function judgeBatch(
  database: MusterDatabase,
  connection: PoolConnection,
  batch: Pick<Batch, "rows" | "strict">,
): Promise<{ inOrder: JudgedRow<BatchRow>[]; isRefused: boolean }> {
  const rowsOf = byTable(batch.rows);
  const batchTables = database.dictionary.tables.filter((table) => rowsOf.has(table.name));
  await passGates(connection, { shared: batchTables.map((table) => table.name) }, (table) => {
    throw new MusterError("unavailable", `${table} is being published or restored: try again`);
  });
  const known = new BatchKnownRows(connection);
  if (batch.strict) await connection.query("SAVEPOINT batch");
  const judged = new Map<TableName, JudgedRow<BatchRow>[]>();
  for (const table of batchTables) {
    const rows = rowsOf.get(table.name) ?? [];
    const stored = table.judgedAsRead
      ? await judgeAndStore({ server: database.server, connection, table, known }, rows)
      : await judgeAndStoreByServer({ connection, database }, table, rows);
    known.add(table, stored);
    judged.set(table.name, stored);
  }
  const inOrder = inOrderOf(batch.rows, judged);
  const isRefused = batch.strict && inOrder.some(({ verdict }) => verdict.is === "rejected");
  if (isRefused) await connection.query("ROLLBACK TO SAVEPOINT batch");
  return { inOrder, isRefused };
}

/** The rows of each table, in the order of the batch. */
function byTable(rows: readonly BatchRow[]): Map<TableName, BatchRow[]> {
  const rowsOf = new Map<TableName, BatchRow[]>();
  for (const row of rows) {
    const list = rowsOf.get(row.table);
    if (list) list.push(row);
    else rowsOf.set(row.table, [row]);
  }
  return rowsOf;
}

/** The judged rows of all tables in the order of the batch. Each table's rows are in that order already. */
function inOrderOf(rows: readonly BatchRow[], judged: ReadonlyMap<TableName, JudgedRow<BatchRow>[]>) {
  const next = new Map<TableName, number>();
  return rows.map((row) => {
    const at = next.get(row.table) ?? 0;
    next.set(row.table, at + 1);
    const each = judged.get(row.table)?.[at];
    if (each?.row !== row) throw new Error("the verdicts are not in the batch's order");
    return each;
  });
}

/** @returns the ids of the rejections */
async function logRejected(connection: PoolConnection, run: string, judged: readonly JudgedRow<BatchRow>[]) {
  const rejected = judged.filter(({ verdict }) => verdict.is === "rejected");
  if (rejected.length === 0) return new Map<JudgedRow<BatchRow>, number | undefined>();
  const rows = rejected.map(({ row: { table, position, raw, columns, recipe, replaces, file = null }, verdict }) => ({
    ...{ table, file, position, raw, reasons: verdict.is === "rejected" ? verdict.reasons : [] },
    ...(columns && { columns }),
    ...(recipe && { recipe: rowRecipe(recipe) }),
    ...(replaces && { replaces }),
  }));
  const ids = await addRejections(drizzle(connection), run, rows);
  return new Map(rejected.map((each, index) => [each, ids[index]]));
}

/** @param isRefused whether no row of the batch is stored, because some are rejected */
function answerTo(
  dictionary: Dictionary,
  { row, verdict, id, key }: JudgedRow<BatchRow>,
  rejection: number | undefined,
  isRefused: boolean,
): RowAnswer {
  const { table, index, replaces } = row;
  const status = statusOf(verdict, isRefused);
  // Built without spread operators: they would copy every row's answer three times.
  const answer: RowAnswer = replaces === undefined ? { table, index, status } : { table, index, replaces, status };
  if (verdict.is === "rejected") {
    answer.reasons = [...verdict.reasons];
    if (rejection !== undefined) answer.rejection = rejection;
    return answer;
  }
  const kept = dictionary.of(table);
  // A withheld row was never given an id, so it has one only if it came with one.
  const stored = key ?? (id === undefined ? undefined : [id]);
  const given = isRefused ? givenValues(row.values, kept.key) : stored;
  return given ? Object.assign(answer, rowName(kept, given)) : answer;
}

function statusOf({ is }: Verdict, isRefused: boolean): RowAnswer["status"] {
  if (is !== "new") return is;
  return isRefused ? "withheld" : "inserted";
}

function countOf(rows: readonly RowAnswer[]): BatchOutcome["counts"] {
  const counts: BatchOutcome["counts"] = {};
  for (const { table, status } of rows) {
    counts[table] ??= noRows();
    counts[table].received++;
    counts[table][status]++;
  }
  return counts;
}

/** The log of rejected rows. */
import { isUtf8 } from "node:buffer";
import { and, asc, eq, gt, inArray, like, lte, ne, notInArray, type SQL, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { instant } from "../codecs/datetime.ts";
import { RAW_BYTES_MAX, type Reason, type ReasonCode, type RejectionState, rejections, runs } from "../db/ledger.ts";
import { type Cause, hasCause } from "./causes.ts";
import { namesRead } from "./file-log.ts";
import { inParts, statementBytes } from "./inserts.ts";
import { isImportOf } from "./run-log.ts";

/** A rejection as HTTP answers and exports show it. It has `raw` if the input is UTF-8, otherwise `raw_base64`. */
export interface RejectionRecord {
  id: number;
  run: string;
  table: string;
  file?: string;
  position: number;
  raw?: string;
  raw_base64?: string;
  /** The columns of the cells in `raw`, if it is a CSV record. */
  columns?: string[];
  /** How `raw` is read, if not by the strict default: parts of the recipe of its file (docs/recipes.md). */
  recipe?: Record<string, unknown>;
  reasons: Reason[];
  state: RejectionState;
  replaces?: number;
  created_at: string;
}

export interface RejectionFilter {
  limit: number;
  ids?: readonly number[] | undefined;
  /** The last id of the previous page. */
  after?: number | undefined;
  upTo?: number | undefined;
  table?: string | undefined;
  code?: ReasonCode | undefined;
  /** All reasons of the row, while `code` is one of them. */
  cause?: Cause | undefined;
  run?: string | undefined;
  state?: RejectionState | undefined;
}

/** Rejections of runs that have ended, in id order. */
export async function listRejections(db: MySql2Database, filter: RejectionFilter): Promise<RejectionRecord[]> {
  const { limit, ids, after, upTo, table, code, cause, run, state } = filter;
  const conditions: (SQL | undefined)[] = [
    ids && inArray(rejections.id, [...ids]),
    after === undefined ? undefined : gt(rejections.id, after),
    upTo === undefined ? undefined : lte(rejections.id, upTo),
    table === undefined ? undefined : eq(rejections.table, table),
    // Reasons are stored as JSON text. Quotes inside a detail are escaped there, so this pattern matches only a code.
    code === undefined ? undefined : like(rejections.reasons, `%"code":"${code}"%`),
    cause && hasCause(cause),
    run === undefined ? undefined : eq(rejections.run, run),
    state === undefined ? undefined : eq(rejections.state, state),
  ];
  const rows = await ended(db, and(...conditions))
    .orderBy(asc(rejections.id))
    .limit(limit);
  return rows.map((row) => rejectionRecord(row.rejections));
}

/** How many rejections are open. Counts no further than `atMost`. */
export async function countOpenRejections(db: MySql2Database, atMost: number): Promise<number> {
  const open = and(eq(rejections.state, "open"), hasEnded(db));
  return db.$count(db.select({ id: rejections.id }).from(rejections).where(open).limit(atMost).as("some"));
}

export async function findRejection(db: MySql2Database, id: number): Promise<RejectionRecord | undefined> {
  const [row] = await ended(db, eq(rejections.id, id));
  return row && rejectionRecord(row.rejections);
}

function ended(db: MySql2Database, condition: SQL | undefined) {
  return db
    .select({ rejections })
    .from(rejections)
    .where(and(condition, hasEnded(db)))
    .$dynamic();
}

/**
 * The condition that a rejection's run has ended. It names the few runs that have not: with a join to all runs, the server
 * would sort all rejections for each page.
 */
export function hasEnded(db: MySql2Database): SQL {
  const unended = db
    .select({ id: runs.id })
    .from(runs)
    .where(inArray(runs.status, ["running", "publishing"]));
  return notInArray(rejections.run, unended);
}

function rejectionRecord(row: typeof rejections.$inferSelect): RejectionRecord {
  const { id, run, table, file, position, raw, columns, recipe, reasons, state, replaces, created_at } = row;
  return {
    id,
    run,
    table,
    ...(file !== null && { file }),
    position,
    ...rawText(raw),
    ...(columns !== null && { columns }),
    ...(recipe !== null && { recipe }),
    reasons,
    state,
    ...(replaces !== null && { replaces }),
    created_at: instant(created_at),
  };
}

const rawText = (raw: Buffer) => (isUtf8(raw) ? { raw: raw.toString() } : { raw_base64: raw.toString("base64") });

/** A row to be logged. `raw` is the input as it came. The log keeps its first RAW_BYTES_MAX bytes. */
export interface NewRejection {
  table: string;
  file?: string | null;
  position: number;
  raw: Uint8Array;
  /** Only for a CSV record: the columns of its cells. With them it can be read again without its file's header. */
  columns?: string[];
  /** How `raw` is read again, if not by the strict default. */
  recipe?: Record<string, unknown> | undefined;
  reasons: readonly Reason[];
  replaces?: number;
}

/**
 * Logs rows that a run rejected. They are listed when the run has ended.
 * @returns the ids of the rejections, in the order of the rows
 */
export async function addRejections(db: MySql2Database, run: string, rows: readonly NewRejection[]): Promise<number[]> {
  const ids: number[] = [];
  for (const part of inParts(rows, bytesOf)) {
    const values = part.map((row) => ({
      ...row,
      ...{
        run,
        reasons: [...row.reasons],
        raw: keptOf(row),
        state: "open" as const,
        created_at: sql`UTC_TIMESTAMP(3)`,
      },
    }));
    const [{ insertId }] = await db.insert(rejections).values(values);
    ids.push(...values.map((_, index) => insertId + index));
  }
  return ids;
}

const keptOf = ({ raw }: NewRejection) => Buffer.from(raw.subarray(0, RAW_BYTES_MAX));

function bytesOf(row: NewRejection): number {
  const texts = [JSON.stringify([row.reasons, row.columns, row.recipe, row.file]), OTHER_COLUMNS];
  // The driver writes bytes in hexadecimal: two characters each.
  return texts.reduce((sum, text) => sum + statementBytes(text), 2 * Math.min(row.raw.length, RAW_BYTES_MAX));
}

/** A text that is as long as the values of the other columns together. Their length hardly differs from row to row. */
const OTHER_COLUMNS = "run, table, position, state, replaces, created_at".repeat(4);

/**
 * Marks the open rejections of earlier imports of the source as superseded: this run has read the same rows again.
 * @param newOnly this run has not read all files of the source: only the rejections of those that it has read are superseded
 */
export async function supersede(
  db: MySql2Database,
  { run, source, tables, newOnly }: { run: string; source: string; tables: readonly string[]; newOnly: boolean },
): Promise<void> {
  // The ids are read first: an UPDATE with a join would lock every run that it looks at.
  const earlier = await db
    .select({ id: runs.id })
    .from(runs)
    .where(and(isImportOf(source), ne(runs.id, run)));
  if (earlier.length === 0) return;
  const ids = earlier.map((row) => row.id);
  for (const table of tables) {
    const open = and(inArray(rejections.run, ids), eq(rejections.table, table), eq(rejections.state, "open"));
    const close = (condition: SQL | undefined) =>
      db.update(rejections).set({ state: "superseded" }).where(and(open, condition));
    if (!newOnly) await close(undefined);
    else for (const names of await namesReadAgain(db, { run, table, open })) await close(isFileOf(names));
  }
}

/** The names of the files that have open rejections and that the run has read, in parts. */
async function namesReadAgain(
  db: MySql2Database,
  { run, table, open }: { run: string; table: string; open: SQL | undefined },
): Promise<string[][]> {
  // Grouped by bytes: to the table's collation, a.csv and A.csv are one name.
  const found = await db
    .select({ name: sql<string | null>`MIN(${rejections.file})` })
    .from(rejections)
    .where(open)
    .groupBy(sql`BINARY ${rejections.file}`);
  if (found.length === 0) return [];
  const read = await namesRead(db, run, table);
  const names = found.flatMap(({ name }) => (name !== null && read.has(name) ? [name] : []));
  return [...inParts(names, statementBytes)];
}

const isFileOf = (names: readonly string[]): SQL => sql`BINARY ${rejections.file} IN ${names}`;

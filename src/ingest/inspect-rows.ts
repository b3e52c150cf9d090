/** Reads the first rows of a file by a proposed recipe, and judges them against what is stored. Nothing is written. */
import type { Pool } from "mysql2/promise";
import { toJson } from "../codecs/json.ts";
import type { Row, Table, TableName } from "../codecs/tables.ts";
import type { Reason, ReasonCode } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { shownRaw } from "../read/corrections/shown-raw.ts";
import type { FileRow, ReadOptions } from "../read/file-row.ts";
import { existingIds } from "../repositories/key-sql.ts";
import { hasRows, readRows } from "../repositories/rows.ts";
import { judge, type KnownRows, NEW, type Verdict } from "./judge.ts";

/** How many rows are judged. */
const ROWS_MAX = 1_000;
/** How many rows are shown. */
const ROWS_SHOWN = 10;
/** How many reasons are told apart: the name of an unknown field may be any text. */
const REASONS_MAX = 100;
/** How many batches of rows are read. A batch may be empty, in a file of blank lines. */
const BATCHES_MAX = 512;

export interface InspectedRow {
  /** The line, or the number of the record. */
  position: number;
  status: "inserted" | "unchanged" | "rejected";
  /** As it would be stored. */
  row?: Record<string, unknown>;
  /** If it would be rejected: its text, and why. */
  raw?: string;
  reasons?: Reason[];
}

export interface InspectedRows {
  rows: InspectedRow[];
  counts: { read: number; inserted: number; unchanged: number; rejected: number };
  /** The most frequent reason first. */
  reasons: { code: ReasonCode; field?: string | undefined; rows: number; detail: string }[];
  /** Why the file could not be read on, in one line. */
  error?: string | undefined;
  notes: string[];
}

/** The rows of a file in batches. */
export type OpenRows = (options: ReadOptions) => AsyncGenerator<FileRow[]>;

export async function inspectRows(table: Table, open: OpenRows, known: InspectedIds): Promise<InspectedRows> {
  const notes: string[] = [];
  const { rows, isWhole, error } = await firstRows(open, (line) => void notes.push(line));
  const verdicts = table.judgedAsRead ? await judge(table, rows, known) : rows.map(byShape);
  const counts = { read: rows.length, inserted: 0, unchanged: 0, rejected: 0 };
  const reasons = new Map<string, InspectedRows["reasons"][number]>();
  for (const verdict of verdicts) {
    counts[statusOf(verdict)]++;
    if (verdict.is !== "rejected") continue;
    for (const { code, field, detail } of verdict.reasons) {
      const key = JSON.stringify(reasons.size < REASONS_MAX ? [code, field] : [code]);
      const sum = reasons.get(key) ?? { code, field, rows: 0, detail };
      reasons.set(key, { ...sum, rows: sum.rows + 1 });
    }
  }
  known.add(table, rows, verdicts, isWhole && error === undefined);
  const sums = [...reasons.values()].sort((a, b) => b.rows - a.rows);
  return {
    rows: rows.slice(0, ROWS_SHOWN).map((row, at) => shownRow(table, row, verdicts[at])),
    ...{ counts, notes: [...notes, ...known.notes(table), ...(await emptyParents(table, sums, known))], error },
    reasons: sums,
  };
}

/** What to load first, if rows are rejected because a table that they refer to has no rows at all. */
async function emptyParents(table: Table, reasons: InspectedRows["reasons"], known: InspectedIds): Promise<string[]> {
  const empty = new Set<TableName>();
  for (const { columns, parent } of table.references) {
    const isRefused = reasons.some(
      ({ code, field }) => code === "unknown_reference" && columns.some((at) => table.columns[at]?.name === field),
    );
    if (isRefused && (await known.isEmpty(parent))) empty.add(parent.name);
  }
  return [...empty].map((parent) => `${parent} has no rows yet, and ${table.name} refers to it: load ${parent} first`);
}

/** The verdict on a row of a table that the server judges, when all rows are staged. */
const byShape = ({ reasons }: FileRow): Verdict => (reasons.length > 0 ? { is: "rejected", reasons } : NEW);

async function firstRows(open: OpenRows, say: (line: string) => void) {
  const rows: FileRow[] = [];
  let batches = 0;
  try {
    for await (const batch of open({ say })) {
      rows.push(...batch.slice(0, ROWS_MAX - rows.length));
      if (rows.length === ROWS_MAX || ++batches === BATCHES_MAX) return { rows, isWhole: false, error: undefined };
    }
    return { rows, isWhole: true, error: undefined };
  } catch (error) {
    if (!isOfFile(error)) throw error;
    return { rows, isWhole: false, error: error.message };
  }
}

/** Whether an error says that the file cannot be read, and not that a disk, S3 or the database is away. */
export const isOfFile = (error: unknown): error is MusterError =>
  error instanceof MusterError && (error.code === "refused" || error.code === "invalid");

const statusOf = ({ is }: Verdict) => (is === "new" ? "inserted" : is);

function shownRow(table: Table, { values, position, raw }: FileRow, verdict: Verdict | undefined): InspectedRow {
  if (verdict?.is === "rejected")
    return { position, status: "rejected", raw: shownRaw(raw), reasons: [...verdict.reasons] };
  const status = verdict ? statusOf(verdict) : "inserted";
  return { position, status, row: toJson(table, values.map((value) => value ?? null) as Row) };
}

interface Ids {
  ids: Set<number>;
  /** Whether the rows were all that the files have. */
  isWhole: boolean;
}

/** The rows that are stored, and the ids of the files that were inspected before. It only reads. */
export class InspectedIds implements KnownRows {
  readonly #inspected = new Map<TableName, Ids>();

  /** @param pool undefined if no database answers */
  constructor(private readonly pool: Pool | undefined) {}

  add(table: Table, rows: readonly FileRow[], verdicts: readonly Verdict[], isWhole: boolean): void {
    const known = this.#inspected.get(table.name) ?? { ids: new Set<number>(), isWhole: true };
    known.isWhole &&= isWhole;
    this.#inspected.set(table.name, known);
    const { numberKey } = table;
    if (numberKey === undefined) return; // no table that is judged as read can refer to it
    for (const [at, { values }] of rows.entries()) {
      const id = values[numberKey];
      if (typeof id === "number" && verdicts[at]?.is !== "rejected") known.ids.add(id);
    }
  }

  async stored(table: Table, ids: readonly number[]): Promise<readonly Row[]> {
    return this.pool ? readRows(this.pool, table, ids) : [];
  }

  async missing(table: Table, ids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
    const { ids: inspected, isWhole = true } = this.#inspected.get(table.name) ?? {};
    if (!this.pool || !isWhole) return new Set();
    const unknown = [...ids].filter((id) => !inspected?.has(id));
    const stored = await existingIds(this.pool, table, unknown);
    return new Set(unknown.filter((id) => !stored.has(id)));
  }

  /** Whether a table has no rows, neither stored nor in the files that were inspected before. */
  async isEmpty(table: Table): Promise<boolean> {
    if (!this.pool || this.#inspected.get(table.name)?.ids.size) return false;
    return !(await hasRows({ pool: this.pool }, [table]));
  }

  /** What was not checked. */
  notes({ name, references, judgedAsRead }: Table): string[] {
    if (!judgedAsRead)
      return [`keys, unique values and references of ${name} are not checked here: import --dry-run checks them`];
    if (!this.pool) return ["no database answers: ids and references are not checked"];
    const cut = new Set(
      references.map(({ parent }) => parent.name).filter((table) => this.#inspected.get(table)?.isWhole === false),
    );
    return [...cut].map(
      (table) => `only the start of the files of ${table} was read: references to it are not checked`,
    );
  }
}

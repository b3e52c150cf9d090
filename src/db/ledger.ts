/** Muster's own tables: what it did, what it refused, and what orders its writers (design section 2). */
import { bigint, boolean, char, customType, datetime, index, mysqlTable, varchar } from "drizzle-orm/mysql-core";

/** Bytes up to 16 MiB: a BLOB ends one byte short of the 64 KiB that a rejection keeps. */
const mediumblob = customType<{ data: Buffer }>({ dataType: () => "mediumblob" });

/** A JSON document as text: MySQL's own JSON type arrives parsed, MariaDB's as text, so neither is used. */
const document = <T>() =>
  customType<{ data: T; driverData: string }>({
    dataType: () => "longtext",
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (text) => JSON.parse(text) as T,
  });

export type RunKind = "import" | "insert" | "replay" | "backup" | "restore";
export type RunStatus = "running" | "publishing" | "succeeded" | "failed" | "refused";

/** Rows of one table in one run: `received` is the sum of the others, which is the promise. */
export interface Counts {
  received: number;
  inserted: number;
  unchanged: number;
  rejected: number;
  withheld: number;
}

/** Rows of one table in a restore: `received` are the backup's, and the sum of inserted, updated and unchanged. */
export interface RestoreCounts {
  received: number;
  inserted: number;
  updated: number;
  unchanged: number;
  deleted: number;
}

/** Rows of one table in a backup. */
export interface BackupCounts {
  received: number;
}

export type RunCounts = Record<string, Counts | RestoreCounts | BackupCounts>;

/** A run that has ended in this process. */
export interface EndedRun {
  id: string;
  kind: RunKind;
  status: RunStatus;
  counts: RunCounts;
  seconds: number;
}

/** A stage that is about to take its table's place, or has done so and is not settled yet. */
export interface Swap {
  table: string;
  stage: string;
  /** With this table the run has succeeded. */
  last: boolean;
  /** The names of the table's foreign keys, which the stage's get once the old table is gone. */
  foreignKeys: string[];
}

/** How far a run under way has come. */
export interface RunProgress {
  table: string;
  /** What is done to it. */
  phase: string;
  /** Rows so far, in this phase. */
  rows: number;
  /** Bytes so far, where it is they that are counted. */
  bytes?: number;
  /** How many bytes there are in all, or rows where no bytes are counted; left out where that is not known. */
  of?: number;
  /** Rows so far that were refused, of all tables. */
  rejected: number;
  /** Since the phase began. */
  rows_per_s?: number;
}

/** The rules that a row can break (design section 2). */
export const REASON_CODES = [
  "missing",
  "wrong_type",
  "out_of_range",
  "too_long",
  "invalid_text",
  "invalid_datetime",
  "unknown_field",
  "wrong_field_count",
  "malformed_csv",
  "unknown_reference",
  "duplicate_id",
  "refused_by_database",
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

/** Why a row was refused; `field` is absent where the row as a whole is at fault. */
export interface Reason {
  code: ReasonCode;
  field?: string;
  detail: string;
}

export const REJECTION_STATES = ["open", "replayed", "discarded", "superseded"] as const;
export type RejectionState = (typeof REJECTION_STATES)[number];

/** Characters of a source's name, and of a file's in it. */
export const SOURCE_LENGTH_MAX = 700;

/** One row per import, insert, replay, backup and restore. Counts hold the tables that are finished, no others. */
export const runs = mysqlTable(
  "muster_runs",
  {
    id: char("id", { length: 36 }).primaryKey(),
    kind: varchar("kind", { length: 16 }).$type<RunKind>().notNull(),
    source: varchar("source", { length: SOURCE_LENGTH_MAX }),
    status: varchar("status", { length: 16 }).$type<RunStatus>().notNull(),
    counts: document<RunCounts>()("counts").notNull(),
    error: varchar("error", { length: 2000 }),
    // A dry run of an import, a restore's plan, or a verify: it stored nothing, whatever its counts are.
    dry_run: boolean("dry_run").notNull().default(false),
    // RENAME commits by itself: whoever finds a run that died at it sees here what to finish or undo.
    swap: document<Swap>()("swap"),
    // What its process said last: any other process can follow the run, and ask for it to be cancelled.
    progress: document<RunProgress>()("progress"),
    cancel_asked_at: datetime("cancel_asked_at", { mode: "string", fsp: 3 }),
    // The process that owns a run, as host/namespace:pid: tells a dead run's statement from a live run's.
    owner: varchar("owner", { length: 255 }).notNull(),
    started_at: datetime("started_at", { mode: "string", fsp: 3 }).notNull(),
    finished_at: datetime("finished_at", { mode: "string", fsp: 3 }),
  },
  (table) => [
    // Every command asks at its start which runs have not ended.
    index("runs_status").on(table.status),
    // An import supersedes the open rejections of earlier imports of its source.
    index("runs_source").on(table.kind, table.source),
  ],
);

/** So many bytes of a row's raw input are kept. */
export const RAW_BYTES_MAX = 65_536;

/** One row per rejected row. Those of a run that has not ended are not listed. */
export const rejections = mysqlTable(
  "muster_rejections",
  {
    id: bigint("id", { mode: "number" }).autoincrement().primaryKey(),
    run: char("run", { length: 36 }).notNull(),
    table: varchar("table", { length: 64 }).notNull(),
    file: varchar("file", { length: SOURCE_LENGTH_MAX }),
    position: bigint("position", { mode: "number" }).notNull(),
    raw: mediumblob("raw").notNull(),
    // What the cells of `raw` are, where it is a CSV record; absent where it is JSON.
    columns: document<string[]>()("columns"),
    reasons: document<Reason[]>()("reasons").notNull(),
    state: varchar("state", { length: 16 }).$type<RejectionState>().notNull(),
    replaces: bigint("replaces", { mode: "number" }),
    created_at: datetime("created_at", { mode: "string", fsp: 3 }).notNull(),
  },
  (table) => [
    // ?run=, superseding, and clearing what a dead run left.
    index("rejections_run").on(table.run, table.table),
    // ?state=open is what people ask for, and is small where rejections are dealt with.
    index("rejections_state").on(table.state),
  ],
);

/** An answer as it was given, to be given again. */
export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** The answer to a request that carried an Idempotency-Key, or the run it began, which has the answer; `key` and `request` are SHA-256 in hexadecimal. */
export const idempotency_keys = mysqlTable(
  "muster_idempotency_keys",
  {
    key: char("key", { length: 64 }).primaryKey(),
    request: char("request", { length: 64 }).notNull(),
    answer: document<StoredAnswer | { run: string }>()("answer").notNull(),
    created_at: datetime("created_at", { mode: "string", fsp: 3 }).notNull(),
  },
  // Expired keys are removed by age.
  (table) => [index("idempotency_keys_age").on(table.created_at)],
);

/** One row per table of the dictionary: writers hold it in share mode, a publish or restore alone (design section 2, Gates). */
export const gates = mysqlTable("muster_gates", {
  table: varchar("table", { length: 64 }).primaryKey(),
});

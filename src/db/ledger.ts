/** Muster's own tables: the runs, the rejected rows, the files read, the kept answers, and the gates that order writers. */
import {
  bigint,
  boolean,
  char,
  customType,
  datetime,
  index,
  mysqlTable,
  primaryKey,
  varchar,
} from "drizzle-orm/mysql-core";

/** Up to 16 MiB. A BLOB would be one byte too short for the 64 KiB that a rejection keeps. */
const mediumblob = customType<{ data: Buffer }>({ dataType: () => "mediumblob" });

/** JSON in a text column. SQL's own type JSON is not used: mysql2 returns it parsed from MySQL, but as text from MariaDB. */
const document = <T>() =>
  customType<{ data: T; driverData: string }>({
    dataType: () => "longtext",
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (text) => JSON.parse(text) as T,
  });

export type RunKind = "import" | "insert" | "replay" | "backup" | "restore";
export type RunStatus = "running" | "publishing" | "succeeded" | "failed" | "refused";

/** Rows of one table in one run. `received` is the sum of the others (docs/guarantees.md). */
export interface Counts {
  received: number;
  inserted: number;
  unchanged: number;
  rejected: number;
  withheld: number;
}

/** Rows of one table in a restore. `received` are the backup's rows: the sum of inserted, updated and unchanged. */
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

/** A stage that is taking its table's place. It is kept with the run until the swap is settled. */
export interface Swap {
  table: string;
  stage: string;
  /** Whether this is the last table of the run, which has then succeeded. */
  last: boolean;
  /** The names of the table's foreign keys. The stage's foreign keys get them when the old table is gone. */
  foreignKeys: string[];
  /** Whether the run reads only new files (`--new-only`). Then it supersedes only the rejections of the files that it has read. */
  newOnly?: boolean;
}

/** The progress of a run that has not ended. */
export interface RunProgress {
  table: string;
  /** What the run is doing to the table, such as `reading`. */
  phase: string;
  /** Rows so far, in this phase. */
  rows: number;
  /** Bytes so far, if the phase counts bytes. */
  bytes?: number;
  /** The total that `bytes` goes up to, or `rows` if the phase counts no bytes. Left out if it is unknown. */
  of?: number;
  /** Rows rejected so far, in all tables. */
  rejected: number;
  /** Rows per second since the phase began. */
  rows_per_s?: number;
}

/** The rules that a row can break (docs/rules.md). */
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
  "duplicate_value",
  "refused_by_database",
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

/** Why a row was rejected. `field` is left out if the row as a whole is at fault. */
export interface Reason {
  code: ReasonCode;
  field?: string;
  detail: string;
}

export const REJECTION_STATES = ["open", "replayed", "discarded", "superseded"] as const;
export type RejectionState = (typeof REJECTION_STATES)[number];

/** The most characters in the name of a source, or of a file in it. */
export const SOURCE_LENGTH_MAX = 700;

/** One row per import, insert, replay, backup and restore. `counts` grows with each table that is finished. */
export const runs = mysqlTable(
  "muster_runs",
  {
    id: char("id", { length: 36 }).primaryKey(),
    kind: varchar("kind", { length: 16 }).$type<RunKind>().notNull(),
    source: varchar("source", { length: SOURCE_LENGTH_MAX }),
    status: varchar("status", { length: 16 }).$type<RunStatus>().notNull(),
    counts: document<RunCounts>()("counts").notNull(),
    error: varchar("error", { length: 2000 }),
    // True for an import's dry run, a restore's plan and a verification: they store nothing, whatever their counts say.
    dry_run: boolean("dry_run").notNull().default(false),
    // RENAME TABLE commits by itself. If the process dies during it, the next command reads here what to finish or undo.
    swap: document<Swap>()("swap"),
    // What the owner reported last. It is stored so that any process can show it.
    progress: document<RunProgress>()("progress"),
    // When somebody asked to cancel the run, in any process. The run's owner checks it.
    cancel_asked_at: datetime("cancel_asked_at", { mode: "string", fsp: 3 }),
    // The process that carries out the run, as host/namespace:pid. Others use it to find out whether the run is still alive.
    owner: varchar("owner", { length: 255 }).notNull(),
    started_at: datetime("started_at", { mode: "string", fsp: 3 }).notNull(),
    finished_at: datetime("finished_at", { mode: "string", fsp: 3 }),
  },
  (table) => [
    // At its start, every command looks for the runs that have not ended.
    index("runs_status").on(table.status),
    // An import looks for earlier imports of its source, because it supersedes their open rejections.
    index("runs_source").on(table.kind, table.source),
  ],
);

/** The most bytes of a row's raw input that are kept. */
export const RAW_BYTES_MAX = 65_536;

/** One row per rejected row. Rejections are listed once their run has ended. */
export const rejections = mysqlTable(
  "muster_rejections",
  {
    id: bigint("id", { mode: "number" }).autoincrement().primaryKey(),
    run: char("run", { length: 36 }).notNull(),
    table: varchar("table", { length: 64 }).notNull(),
    file: varchar("file", { length: SOURCE_LENGTH_MAX }),
    position: bigint("position", { mode: "number" }).notNull(),
    raw: mediumblob("raw").notNull(),
    // If `raw` is a CSV record, the column of each of its cells. NULL if `raw` is JSON.
    columns: document<string[]>()("columns"),
    // How the row's file was read, if not by the strict default: the FileRecipe of src/read/recipes/recipe.ts. A replay reads `raw` by it.
    recipe: document<Record<string, unknown>>()("recipe"),
    reasons: document<Reason[]>()("reasons").notNull(),
    state: varchar("state", { length: 16 }).$type<RejectionState>().notNull(),
    // Set if a replayed row was rejected again: the rejection that was replayed.
    replaces: bigint("replaces", { mode: "number" }),
    created_at: datetime("created_at", { mode: "string", fsp: 3 }).notNull(),
  },
  (table) => [
    // For ?run=, for superseding, and for deleting the rejections of a run whose process died.
    index("rejections_run").on(table.run, table.table),
    // For ?state=open. If people deal with their rejections, few of them are open.
    index("rejections_state").on(table.state),
  ],
);

/** The most characters in a file's full path or address. Linux allows 4095 bytes, and a key in S3 has at most 1024. */
const FILE_NAME_LENGTH_MAX = 4096;

/**
 * The files that imports have read, by which `--new-only` knows them again. Their rows are written before a table is published,
 * and count from the transaction on that publishes it: it sets `imported_at`, and deletes what an earlier run wrote about the
 * same file. So a file has one row that counts for each table, with its last content.
 */
export const files = mysqlTable(
  "muster_files",
  {
    // SHA-256 of the table's name and of `name`, in hexadecimal. An index on the name itself would be too long.
    file: char("file", { length: 64 }).notNull(),
    run: char("run", { length: 36 }).notNull(),
    table: varchar("table", { length: 64 }).notNull(),
    // The file's full path, or its s3:// address.
    name: varchar("name", { length: FILE_NAME_LENGTH_MAX }).notNull(),
    // What the run's rejections call the file.
    name_in_source: varchar("name_in_source", { length: SOURCE_LENGTH_MAX }).notNull(),
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    // `sha256:` and the digest of a local file as it is stored, or `etag:` and the entity tag of an object.
    digest: varchar("digest", { length: 255 }).notNull(),
    // NULL until the rows of the table are published.
    imported_at: datetime("imported_at", { mode: "string", fsp: 3 }),
  },
  (table) => [primaryKey({ columns: [table.file, table.run] }), index("files_run").on(table.run, table.table)],
);

/** The answer to a request, kept so that the same request gets it again. */
export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/**
 * One row per Idempotency-Key: the answer to its request, or the run that the request began. `key` and `request`
 * are the SHA-256 of the key and of the request, in hexadecimal.
 */
export const idempotency_keys = mysqlTable(
  "muster_idempotency_keys",
  {
    key: char("key", { length: 64 }).primaryKey(),
    request: char("request", { length: 64 }).notNull(),
    answer: document<StoredAnswer | { run: string }>()("answer").notNull(),
    created_at: datetime("created_at", { mode: "string", fsp: 3 }).notNull(),
  },
  // For finding the expired keys, which are removed.
  (table) => [index("idempotency_keys_age").on(table.created_at)],
);

/**
 * One row per table of the dictionary. Inserts lock it in share mode; a publish or a restore locks it exclusively
 * (docs/architecture.md "The places that wait").
 */
export const gates = mysqlTable("muster_gates", {
  table: varchar("table", { length: 64 }).primaryKey(),
});

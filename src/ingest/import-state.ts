import type { TableName } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import type { Counts } from "../db/ledger.ts";
import type { Source } from "../read/source.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import type { NewRejection } from "../repositories/rejection-log.ts";
import type { Report } from "../repositories/run-log.ts";
import type { ImportWorld } from "./import-world.ts";
import type { RejectLimit } from "./reject-limit.ts";

/** What the steps of one import share. */
export interface Import {
  database: Database;
  run: LiveRun;
  source: Source;
  world: ImportWorld;
  dryRun: boolean;
  maxRejects: RejectLimit | undefined;
  /** More rejected rows end the reading. */
  rejectsKept: number;
  report: ImportReport;
  counts: Partial<Record<TableName, Counts>>;
  /** Of all files so far; `bytes` and their sum `of` are those of the files as they lie there, packed or not. */
  read: { rows: number; bytes: number; of: number };
}

export interface ImportReport extends Report {
  /** Each rejected row, as it is found. */
  rejected?(rejection: NewRejection): void;
}

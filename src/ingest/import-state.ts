import type { TableName } from "../codecs/tables.ts";
import type { Counts } from "../db/ledger.ts";
import type { Source } from "../read/sources/source.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import type { NewRejection } from "../repositories/rejection-log.ts";
import type { Report } from "../repositories/run-log.ts";
import type { ImportStages } from "./import-stages.ts";
import type { Limits } from "./reject-limit.ts";

/** What the steps of one import share. */
export interface Import extends Limits {
  database: MusterDatabase;
  run: LiveRun;
  source: Source;
  stages: ImportStages;
  dryRun: boolean;
  /** Only files that no import of their table has read are read. */
  newOnly: boolean;
  /** With `newOnly`: known files that have changed are read as well. */
  again: boolean;
  /** How many files were left out because they are known. */
  filesKnown: number;
  report: ImportReport;
  counts: Partial<Record<TableName, Counts>>;
  /** How far the reading of all files is: rows and bytes read, and `of`, the bytes of all files as stored (packed or not). */
  read: { rows: number; bytes: number; of: number };
}

export interface ImportReport extends Report {
  /** Called with each rejected row when it is found. */
  rejected?(rejection: NewRejection): void;
}

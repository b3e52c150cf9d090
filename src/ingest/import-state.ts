import type { TableName } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import type { Counts } from "../db/ledger.ts";
import type { NewRejection } from "../repositories/rejections.ts";
import type { LiveRun, Report } from "../repositories/runs.ts";
import type { Source } from "./source.ts";
import type { ImportWorld } from "./world.ts";

/** What the steps of one import share. */
export interface Import {
  database: Database;
  run: LiveRun;
  source: Source;
  world: ImportWorld;
  dryRun: boolean;
  report: ImportReport;
  counts: Partial<Record<TableName, Counts>>;
}

export interface ImportReport extends Report {
  progress?(progress: {
    table: TableName;
    phase: "reading" | "publishing";
    bytes: number;
    of: number;
    rows: number;
  }): void;
  /** Each rejected row, as it is found. */
  rejected?(rejection: NewRejection): void;
}

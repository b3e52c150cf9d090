import "../src/schema-check.ts";
import { openStore } from "../src/backups/open-store.ts";
import { restore } from "../src/backups/restore.ts";
import { tableNames, tableOf } from "../src/codecs/tables.ts";
import { MusterError } from "../src/errors.ts";
import { command, readArguments, tableNamed } from "./command.ts";
import { countsTable, progressBar, speedSince, speedText } from "./terminal.ts";

const HELP = `Usage: bun run scripts/restore.ts TABLE... [options]

Makes tables (${tableNames.join(", ")}) exactly what a backup in BACKUP_STORE has, all of those named in one step.
Rows that were added since are deleted, rows that were changed or deleted are put back.

  --backup ID  the backup; the newest that holds the tables where it is left out
  --plan       say what would change, and change nothing
  --json       end standard output with one line of JSON, also when refused or failed
  --help       this text

Exit code: 0 done, 1 failed, 2 refused (wrong arguments, no such backup, a damaged one, rows that would lose
their parent), 130 interrupted. Whatever the code but 0, nothing is changed.`;

const options = readArguments(
  HELP,
  { backup: { type: "string" }, plan: { type: "boolean" }, json: { type: "boolean" } },
  ({ backup = "latest", plan = false }, named) => {
    if (named.length === 0) throw new MusterError("invalid", "name the tables to restore; see --help");
    return { backup, plan, tables: [...new Set(named.map(tableNamed))].map(tableOf) };
  },
);
await command(options.plan ? "import" : "restore", async ({ config, database, signal }) => {
  const started = performance.now();
  const bar = progressBar();
  const { backup, plan, tables } = options;
  const report = { say: bar.say, signal, progress: bar.update };
  const restoring = restore(database, openStore(config.backupStore), { backup, plan, tables, report });
  const outcome = await restoring.finally(bar.stop);
  const speed = speedSince(started, outcome.tables);
  const done = `${outcome.backup} in ${speedText(speed)}`;
  const last = plan ? `this would be restored from ${done}; nothing was changed` : `restored from ${done}`;
  return {
    status: "succeeded",
    facts: { ...outcome, ...speed },
    text: `${countsTable(outcome.tables)}\n${last}`,
  };
});

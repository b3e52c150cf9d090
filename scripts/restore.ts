import { openStore } from "../src/backups/open-store.ts";
import { restore } from "../src/backups/restore.ts";
import { dictionary } from "../src/schema-check.ts";
import { FOR_REAL_RUNS, inTurn } from "./if-running.ts";
import { withProgress } from "./progress.ts";
import { command, type DatabaseContext, type Outcome, readArguments, refuse, tableNamed } from "./run-command.ts";
import { countsTable, speedSince, speedText } from "./summary.ts";

const options = readArguments("restore", ({ backup, plan, "if-running": ifRunning }, operands) => {
  if (operands.length === 0) refuse("name the tables to restore; see --help");
  if (ifRunning && plan) refuse(FOR_REAL_RUNS);
  return { backup, plan, ifRunning, tables: [...new Set(operands.map(tableNamed))].map((name) => dictionary.of(name)) };
});
await command(options.plan ? "import" : "restore", inTurn("restore", options.ifRunning, restoreTables));

async function restoreTables({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  const started = performance.now();
  const store = openStore(config.BACKUP_STORE);
  const outcome = await withProgress(signal, (report) => restore(database, store, { ...options, report }));
  const speed = speedSince(started, outcome.tables);
  const done = `${outcome.backup} in ${speedText(speed)}`;
  const last = options.plan ? `this would be restored from ${done}; nothing was changed` : `restored from ${done}`;
  return {
    status: "succeeded",
    facts: { ...outcome, ...speed },
    text: `${countsTable(outcome.tables)}\n${last}`,
  };
}

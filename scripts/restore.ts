import { openStore } from "../src/backups/open-store.ts";
import { restore } from "../src/backups/restore.ts";
import { dictionary } from "../src/schema-check.ts";
import { withProgress } from "./progress.ts";
import { command, readArguments, refuse, tableNamed } from "./run-command.ts";
import { countsTable, speedSince, speedText } from "./summary.ts";

const options = readArguments("restore", ({ backup, plan }, operands) => {
  if (operands.length === 0) refuse("name the tables to restore; see --help");
  return { backup, plan, tables: [...new Set(operands.map(tableNamed))].map((name) => dictionary.of(name)) };
});
await command(options.plan ? "import" : "restore", async ({ config, database, signal }) => {
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
});

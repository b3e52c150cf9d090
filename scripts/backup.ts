import { backup } from "../src/backups/backup.ts";
import { keepNewest, type ListedBackup, listBackups } from "../src/backups/catalog.ts";
import { openStore } from "../src/backups/open-store.ts";
import { verify } from "../src/backups/verify.ts";
import { dictionary } from "../src/schema-check.ts";
import { FOR_REAL_RUNS, inTurn } from "./if-running.ts";
import { say, withProgress } from "./progress.ts";
import {
  type Context,
  command,
  type DatabaseContext,
  finish,
  type Outcome,
  readArguments,
  refuse,
  tableNamed,
} from "./run-command.ts";
import { aligned, countsTable, speedSince, speedText } from "./summary.ts";

const options = readArguments("backup", ({ codec, keep, "if-running": ifRunning, ...flags }, operands) => {
  const isForNew = codec !== undefined || keep !== undefined;
  if (ifRunning && (flags.list || flags.verify)) refuse(FOR_REAL_RUNS);
  if (flags.list && (flags.verify || operands.length > 0 || isForNew))
    refuse("--list takes no table and no other option: it lists what is there");
  if (flags.verify && isForNew) refuse("--verify takes no --codec and no --keep: they are for a new backup");
  if (flags.verify && operands.length > 1) refuse("name one backup to verify; see --help");
  return { ...flags, codec, keep, ifRunning, operands, tables: flags.verify ? [] : operands.map(tableNamed) };
});
if (options.list) await finish(listAll);
else if (options.verify) await command("import", prove);
else
  await command(
    "backup",
    inTurn("backup", options.ifRunning, make),
    () => "interrupted: no backup was made; run the same command again",
  );

async function make({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  const started = performance.now();
  const store = openStore(config.BACKUP_STORE);
  const { codec = "deflate", keep } = options;
  const tables = [...new Set(options.tables.length > 0 ? options.tables : dictionary.names)].map((name) =>
    dictionary.of(name),
  );
  const { run, manifest } = await withProgress(signal, (report) => backup(database, store, { tables, codec, report }));
  if (keep !== undefined) await keepNewest(store, keep, say);
  const counts = Object.fromEntries(
    manifest.tables.map(({ table, rows, bytes }) => [table, { received: rows, bytes }]),
  );
  const bytes = manifest.tables.reduce((sum, table) => sum + table.bytes, 0);
  const speed = speedSince(started, counts, bytes);
  return {
    status: "succeeded",
    facts: { run, backup: manifest.id, ...speed, bytes, tables: counts },
    text: `${countsTable(counts)}\nbacked up in ${speedText(speed)}\n${manifest.id}`,
  };
}

async function prove({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  const store = openStore(config.BACKUP_STORE);
  const id = options.operands[0] ?? "latest";
  const { manifest, proof } = await withProgress(signal, (report) => verify(database, store, { id, report }));
  const tables = Object.fromEntries(manifest.tables.map(({ table, rows }) => [table, { received: rows }]));
  return {
    status: "succeeded",
    facts: { backup: manifest.id, ...proof, tables },
    text: `${countsTable(tables)}\n${manifest.id} is proven: restored and compared in ${proof.seconds} s`,
  };
}

async function listAll({ config }: Context): Promise<Outcome> {
  const store = openStore(config.BACKUP_STORE);
  const backups = await listBackups(store, (await store.ids()).reverse());
  const text =
    backups.length === 0
      ? `there is no backup in ${config.BACKUP_STORE}`
      : aligned([["backup", "made", "proven", "tables and rows"], ...backups.map(cellsOf)], 4);
  return { status: "succeeded", facts: { store: config.BACKUP_STORE, backups }, text };
}

function cellsOf(backup: ListedBackup): string[] {
  if ("damaged" in backup) return [backup.id, "", "", "its manifest is damaged"];
  const { id, created_at, proof, tables } = backup;
  return [id, created_at, proof?.proved_at ?? "never", tables.map(({ table, rows }) => `${table} ${rows}`).join(", ")];
}

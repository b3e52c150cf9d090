import "../src/schema-check.ts";
import { backup, keepNewest } from "../src/backups/backup.ts";
import { type ListedBackup, listBackups } from "../src/backups/list.ts";
import { openStore } from "../src/backups/open-store.ts";
import { verify } from "../src/backups/verify.ts";
import { AVRO_CODECS, type AvroCodec } from "../src/codecs/avro-container.ts";
import { tableNames, tableOf } from "../src/codecs/tables.ts";
import { MusterError } from "../src/errors.ts";
import {
  type Context,
  command,
  type DatabaseContext,
  finish,
  type Outcome,
  readArguments,
  tableNamed,
} from "./command.ts";
import { aligned, countsTable, progressBar, speedSince, speedText } from "./terminal.ts";

const HELP = `Usage: bun run scripts/backup.ts [TABLE...] [options]
       bun run scripts/backup.ts --list
       bun run scripts/backup.ts --verify [ID]

Backs tables up (all of them if none is named: ${tableNames.join(", ")}) to BACKUP_STORE, a directory or
s3://bucket/prefix, as one consistent snapshot. Prints the backup's id.

  --codec C    ${AVRO_CODECS.join(", ")} (deflate, which every Avro tool reads)
  --keep N     afterwards remove the oldest backups beyond the newest N of each table
  --list       list the backups, the newest first; the database is not asked
  --verify     prove a backup, the newest or that of ID: checksums, and a restore into scratch tables
  --json       end standard output with one line of JSON, also when refused or failed
  --help       this text

Exit code: 0 done, 1 failed, 2 refused (wrong arguments, a damaged backup), 130 interrupted.`;

const options = readArguments(
  HELP,
  {
    codec: { type: "string" },
    keep: { type: "string" },
    list: { type: "boolean" },
    verify: { type: "boolean" },
    json: { type: "boolean" },
  },
  ({ codec, keep, list: lists = false, verify: verifies = false }, named) => {
    if (lists && (verifies || named.length > 0 || (codec ?? keep) !== undefined))
      throw new MusterError("invalid", "--list takes no table and no other option: it lists what is there");
    if (verifies && (codec ?? keep) !== undefined)
      throw new MusterError("invalid", "--verify takes no --codec and no --keep: they are for a new backup");
    if (verifies && named.length > 1) throw new MusterError("invalid", "name one backup to verify; see --help");
    return {
      work: lists ? ("list" as const) : verifies ? ("verify" as const) : ("make" as const),
      id: named[0] ?? "latest",
      tables: verifies || named.length === 0 ? tableNames : [...new Set(named.map(tableNamed))],
      codec: codecNamed(codec ?? "deflate"),
      keep: keep === undefined ? undefined : wholeNumber(keep),
    };
  },
);
if (options.work === "list") await finish(list);
else if (options.work === "verify") await command("import", prove);
else await command("backup", make, () => "interrupted: no backup was made; run the same command again");

async function make({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  const started = performance.now();
  const bar = progressBar();
  const store = openStore(config.backupStore);
  const report = { say: bar.say, signal, progress: bar.update };
  const tables = options.tables.map(tableOf);
  const { run, manifest } = await backup(database, store, { tables, codec: options.codec, report }).finally(bar.stop);
  if (options.keep !== undefined) await keepNewest(store, options.keep, bar.say);
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
  const bar = progressBar();
  const report = { say: bar.say, signal, progress: bar.update };
  const proving = verify(database, openStore(config.backupStore), { id: options.id, report });
  const { manifest, proof } = await proving.finally(bar.stop);
  const tables = Object.fromEntries(manifest.tables.map(({ table, rows }) => [table, { received: rows }]));
  return {
    status: "succeeded",
    facts: { backup: manifest.id, ...proof, tables },
    text: `${countsTable(tables)}\n${manifest.id} is proven: restored and compared in ${proof.seconds} s`,
  };
}

async function list({ config }: Context): Promise<Outcome> {
  const store = openStore(config.backupStore);
  const backups = await listBackups(store, (await store.ids()).reverse());
  const text =
    backups.length === 0
      ? `there is no backup in ${config.backupStore}`
      : aligned([["backup", "made", "proven", "tables and rows"], ...backups.map(cellsOf)], 4);
  return { status: "succeeded", facts: { store: config.backupStore, backups }, text };
}

function cellsOf(backup: ListedBackup): string[] {
  if ("damaged" in backup) return [backup.id, "", "", "its manifest is damaged"];
  const { id, created_at, proof, tables } = backup;
  return [id, created_at, proof?.proved_at ?? "never", tables.map(({ table, rows }) => `${table} ${rows}`).join(", ")];
}

function codecNamed(text: string): AvroCodec {
  const codec = AVRO_CODECS.find((each) => each === text);
  if (codec) return codec;
  throw new MusterError("invalid", `--codec ${text}: the codecs are ${AVRO_CODECS.join(", ")}`);
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new MusterError("invalid", `--keep ${text}: give a number of backups, at least 1`);
}

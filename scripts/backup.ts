import "../src/schema-check.ts";
import { backup, keepNewest } from "../src/backups/backup.ts";
import { openStore } from "../src/backups/open-store.ts";
import { verify } from "../src/backups/verify.ts";
import { AVRO_CODECS, type AvroCodec } from "../src/codecs/avro-container.ts";
import { tableNames, tableOf } from "../src/codecs/tables.ts";
import { MusterError } from "../src/errors.ts";
import { type Context, command, EXIT, readArguments, tableNamed } from "./command.ts";
import { countsTable, progressBar, speedSince, speedText } from "./terminal.ts";

const HELP = `Usage: bun run scripts/backup.ts [TABLE...] [options]
       bun run scripts/backup.ts --verify [ID]

Backs tables up (all of them where none is named: ${tableNames.join(", ")}) to BACKUP_STORE, a directory or
s3://bucket/prefix, as one consistent snapshot. Prints the backup's id.

  --codec C    ${AVRO_CODECS.join(", ")} (deflate, which every Avro tool reads)
  --keep N     afterwards remove the oldest backups beyond the newest N of each table
  --verify     prove a backup, the newest or that of ID: checksums, and a restore into scratch tables
  --json       print the outcome as one line of JSON
  --help       this text

Exit code: 0 done, 1 failed, 2 refused (wrong arguments, a damaged backup), 130 interrupted.`;

const options = readArguments(
  HELP,
  {
    codec: { type: "string" },
    keep: { type: "string" },
    verify: { type: "boolean" },
    json: { type: "boolean" },
  },
  ({ codec, keep, verify: verifies = false, json = false }, named) => {
    if (verifies && (codec ?? keep) !== undefined)
      throw new MusterError("invalid", "--verify takes no --codec and no --keep: they are for a new backup");
    if (verifies && named.length > 1) throw new MusterError("invalid", "name one backup to verify; see --help");
    return {
      verifies,
      json,
      id: named[0] ?? "latest",
      tables: verifies || named.length === 0 ? tableNames : [...new Set(named.map(tableNamed))],
      codec: codecNamed(codec ?? "deflate"),
      keep: keep === undefined ? undefined : wholeNumber(keep),
    };
  },
);
await command((context) => (options.verifies ? prove(context) : make(context)));

async function make({ config, database, signal }: Context): Promise<number> {
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
  const outcome = { run, backup: manifest.id, status: "succeeded", ...speed, bytes, tables: counts };
  if (options.json) console.log(JSON.stringify(outcome));
  else console.log(`${countsTable(counts)}\nbacked up in ${speedText(speed)}\n${manifest.id}`);
  return EXIT.done;
}

async function prove({ config, database, signal }: Context): Promise<number> {
  const bar = progressBar();
  const report = { say: bar.say, signal, progress: bar.update };
  const proving = verify(database, openStore(config.backupStore), { id: options.id, report });
  const { manifest, proof } = await proving.finally(bar.stop);
  const tables = Object.fromEntries(manifest.tables.map(({ table, rows }) => [table, { received: rows }]));
  if (options.json) console.log(JSON.stringify({ backup: manifest.id, status: "succeeded", ...proof, tables }));
  else console.log(`${countsTable(tables)}\n${manifest.id} is proven: restored and compared in ${proof.seconds} s`);
  return EXIT.done;
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

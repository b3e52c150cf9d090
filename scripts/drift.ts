/**
 * Fails where drizzle/ is not what the schema says: the newest snapshot there against one taken of the schema now, as
 * `drizzle-kit generate` compares them, but without its questions and without writing anything.
 *   usage: bun scripts/drift.ts [FOLDER_OF_MIGRATIONS]
 */
import "../src/schema-check.ts";
import { readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { generateMySQLDrizzleJson } from "drizzle-kit/api";
import * as ledger from "../src/db/ledger.ts";
import * as schema from "../src/db/schema.ts";

const folder = resolve(process.argv[2] ?? "drizzle");
const { entries }: { entries: { idx: number; tag: string }[] } = await read("meta/_journal.json");
const newest = entries.at(-1);
const there = newest && (await read(`meta/${String(newest.idx).padStart(4, "0")}_snapshot.json`));
const wanted = await generateMySQLDrizzleJson({ ...schema, ...ledger });

const names = new Set([...Object.keys(wanted.tables), ...Object.keys(there?.tables ?? {})]);
const drifted = [...names].filter((name) => !Bun.deepEquals(wanted.tables[name], there?.tables[name]));
if (drifted.length > 0)
  end(`drizzle/ has no migration for what changed in ${drifted.join(", ")}: run bun run generate`);

const files = new Set(readdirSync(folder).flatMap((name) => (name.endsWith(".sql") ? basename(name, ".sql") : [])));
const stray = [...files.symmetricDifference(new Set(entries.map(({ tag }) => tag)))];
if (stray.length > 0) end(`drizzle/ and its meta/_journal.json differ in ${stray.join(", ")}: run bun run generate`);

async function read(name: string) {
  return Bun.file(`${folder}/${name}`).json();
}

function end(line: string): never {
  console.error(line);
  process.exit(1);
}

/** The log of the files that imports have read, by which `--new-only` knows them again. */
import { and, eq, gte, inArray, isNotNull, isNull, ne, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/mysql-core";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { instant } from "../codecs/datetime.ts";
import type { TableName } from "../codecs/tables.ts";
import { files, runs } from "../db/ledger.ts";
import { ROLLED_BACK, retried } from "../db/transaction.ts";
import { inParts, statementBytes } from "./inserts.ts";

/** A file of a table. */
export interface LoggedFile {
  table: TableName;
  /** Its full path, or its s3:// address. */
  name: string;
  /** What the rejections of its rows call it. */
  nameInSource: string;
  bytes: number;
  /** `sha256:` and the digest of its bytes, or `etag:` and its entity tag. */
  digest: string;
}

/** What is known about a file that was imported before. */
export interface KnownFile {
  bytes: number;
  digest: string;
  run: string;
  imported_at: string;
}

/** Writes the files whose rows are in the stages of a run. They count after countFiles(). */
export async function noteFiles(db: MySql2Database, run: string, read: readonly LoggedFile[]): Promise<void> {
  // A source may lead to one file by several names.
  const byKey = new Map(read.map((file) => [fileKey(file), file]));
  const values = [...byKey].map(([key, { nameInSource, ...file }]) => ({
    ...{ ...file, file: key, run, name_in_source: nameInSource },
  }));
  for (const part of inParts(values, bytesOf)) await retried(ROLLED_BACK, () => db.insert(files).values(part));
}

const bytesOf = (values: typeof files.$inferInsert) =>
  Object.values(values).reduce<number>((sum, value) => sum + statementBytes(value ?? null), 0);

/**
 * Makes the files of a table count, in the transaction that publishes their rows. What earlier runs have written about the same
 * files is deleted.
 */
export async function countFiles(transaction: MySql2Database, run: string, table: string): Promise<void> {
  const own = alias(files, "own");
  // The keys are read first, because a DELETE with a join could lock the files of all tables.
  const earlier = await transaction
    .select({ file: files.file })
    .from(files)
    .innerJoin(own, eq(own.file, files.file))
    .where(and(eq(own.run, run), eq(own.table, table), ne(files.run, run)));
  for (const part of inParts(
    earlier.map(({ file }) => file),
    statementBytes,
  ))
    await transaction.delete(files).where(and(inArray(files.file, part), ne(files.run, run)));
  await transaction
    .update(files)
    .set({ imported_at: sql`UTC_TIMESTAMP(3)` })
    .where(and(eq(files.run, run), eq(files.table, table)));
}

/** Deletes the files of the tables that a run has not published. */
export async function forgetUncounted(db: MySql2Database, run: string): Promise<void> {
  await db.delete(files).where(and(eq(files.run, run), isNull(files.imported_at)));
}

/**
 * Deletes the files of a table that were imported since a backup began, or all if another database made the backup: their rows
 * are not in it. Called in the transaction that restores the table.
 */
export async function forgetSince(transaction: MySql2Database, table: string, backup: string): Promise<void> {
  const [made] = await transaction
    .select({ at: runs.started_at })
    .from(runs)
    .where(and(eq(runs.kind, "backup"), eq(runs.source, backup)));
  const since = made && gte(files.imported_at, made.at);
  // The keys are read first, because a DELETE would lock all files of all tables.
  const found = await transaction
    .select({ file: files.file })
    .from(files)
    .where(and(eq(files.table, table), isNotNull(files.imported_at), since));
  for (const part of inParts(
    found.map(({ file }) => file),
    statementBytes,
  ))
    await transaction.delete(files).where(inArray(files.file, part));
}

/** What is known about each of these files; undefined for one that no import of its table has read. */
export async function knownFiles(
  db: MySql2Database,
  asked: readonly Pick<LoggedFile, "table" | "name">[],
): Promise<(KnownFile | undefined)[]> {
  const known = new Map<string, KnownFile>();
  const keys = asked.map(fileKey);
  for (const part of inParts(keys, statementBytes)) {
    const rows = await db
      .select()
      .from(files)
      .where(and(inArray(files.file, part), isNotNull(files.imported_at)));
    for (const { file, bytes, digest, run, imported_at } of rows)
      known.set(file, { bytes, digest, run, imported_at: instant(imported_at ?? "") });
  }
  return keys.map((key) => known.get(key));
}

/** The names by which the rejections of a run call the files that it has read. */
export async function namesRead(db: MySql2Database, run: string, table: string): Promise<Set<string>> {
  const rows = await db
    .select({ name: files.name_in_source })
    .from(files)
    .where(and(eq(files.run, run), eq(files.table, table)));
  return new Set(rows.map(({ name }) => name));
}

/** The table and the name as a key, since an index on names of up to 16 KB would be too long. */
function fileKey({ table, name }: Pick<LoggedFile, "table" | "name">): string {
  return new Bun.CryptoHasher("sha256").update(`${table}\0${name}`).digest("hex");
}

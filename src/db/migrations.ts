/** The migrations of drizzle/, and which of them a database lacks. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import type { Connection } from "mysql2/promise";
import journal from "../../drizzle/meta/_journal.json";
import { BUILD } from "../build.ts";
import { MusterError } from "../errors.ts";
import { driverError } from "./driver-errors.ts";

export interface Migration extends MigrationMeta {
  /** The name of its file, such as `0000_start`. */
  tag: string;
}

/** How far an unfinished migration has come: a row of __muster_migrating. */
export interface Mark {
  hash: string;
  /** The index of the last statement that was marked. */
  statement: number;
  /** True if the statement may have been sent and its answer is not known. False if the server refused it. */
  begun: boolean;
}

/** The migration that scripts/adopt.ts makes of the tables that it finds (docs/adopting.md). */
export const ADOPTED = "0001_adopted";
/**
 * The journal of an adopted database. It is not Drizzle's own, because the program that the tables belong to may use Drizzle
 * too: each would then skip migrations that are older than the newest one of the other.
 */
export const ADOPTED_JOURNAL = "__muster_migrations";
/** The table that lists the migrations which were applied. */
export const JOURNAL = journal.entries.some(({ tag }) => tag === ADOPTED) ? ADOPTED_JOURNAL : "__drizzle_migrations";

/** The names of the migrations that the database lacks, the oldest first. */
export async function pendingTags(connection: Pick<Connection, "query">): Promise<string[]> {
  const applied = await appliedMigrations(connection, JOURNAL);
  return journal.entries.filter(({ when }) => !applied.has(when)).map(({ tag }) => tag);
}

/**
 * The migrations that the database lacks, the oldest first.
 * @param files all migrations
 * @param name the journal's table
 * @throws MusterError `conflict` if one of them is older than one that was applied
 */
export async function pendingMigrations(
  connection: Connection,
  marks: readonly Mark[],
  files: readonly Migration[],
  name: string,
): Promise<Migration[]> {
  const applied = await appliedMigrations(connection, name);
  const prefixed = withPrefix(files);
  const [first] = files;
  const firstHash = applied.get(first?.folderMillis ?? 0) ?? marks.find(({ hash }) => hash === first?.hash)?.hash;
  const all = firstHash === undefined || firstHash === prefixed[0]?.hash ? prefixed : files;
  const pending = all.filter(({ folderMillis }) => !applied.has(folderMillis));
  const newest = Math.max(...applied.keys());
  const late = pending.find(({ folderMillis }) => folderMillis < newest);
  if (late === undefined) return pending;
  throw new MusterError(
    "conflict",
    `migration ${late.tag} is older than the newest one of the database and was never applied: delete it, and run bun run generate`,
  );
}

/** The hash of each applied migration, by the time at which it was generated (`when`). Empty for a new database. */
async function appliedMigrations(connection: Pick<Connection, "query">, name: string): Promise<Map<number, string>> {
  try {
    const [rows] = await connection.query(`SELECT hash, created_at FROM ${name}`);
    return new Map((rows as { hash: string; created_at: unknown }[]).map((row) => [Number(row.created_at), row.hash]));
  } catch (error) {
    if (driverError(error)?.code === "ER_NO_SUCH_TABLE") return new Map();
    throw error;
  }
}

/** The files of drizzle/. The executable has them compiled in. */
export function readMigrations(): Migration[] {
  if (BUILD) return BUILD.migrations;
  const files = readMigrationFiles({ migrationsFolder: join(import.meta.dir, "../../drizzle") });
  // drizzle returns the files in the order of the journal.
  return files.map((file, index) => ({ ...file, tag: journal.entries[index]?.tag ?? "" }));
}

/** This migration gives Muster's own tables the prefix `muster_`. The earlier ones create them without it. */
const PREFIX = "0004_own_names";
const NAME_WITHOUT_PREFIX = /`(gates|idempotency_keys|rejections|runs)`/g;

/**
 * The migrations for a new database. Muster's own tables get the prefix `muster_` from the start, so they do not conflict with
 * a table `runs` of another program. The hashes differ from those of the files. So a database's journal tells whether its
 * tables began with the prefix.
 */
function withPrefix(files: readonly Migration[]): readonly Migration[] {
  if (!files.some(({ tag }) => tag === PREFIX)) return files;
  return files.map((file) => {
    if (file.tag > PREFIX) return file;
    if (file.tag === PREFIX) return { ...file, sql: [] };
    const sql = file.sql.map((statement) => statement.replace(NAME_WITHOUT_PREFIX, "`muster_$1`"));
    return { ...file, sql, hash: createHash("sha256").update(sql.join("")).digest("hex") };
  });
}

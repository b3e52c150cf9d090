/** The migrations of drizzle/, and which of them a database lacks. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import type { Connection } from "mysql2/promise";
import journal from "../../drizzle/meta/_journal.json";
import { driverError } from "./driver-errors.ts";

export interface Migration extends MigrationMeta {
  /** The name of its file, such as `0000_start`. */
  tag: string;
}

/** A migration that was applied, as drizzle's journal in the database has it. */
interface Applied {
  hash: string;
  /** The `when` of drizzle/meta/_journal.json, which identifies the migration. */
  created_at: number;
}

/** The migrations that were applied to the database; none if the database is new. */
export async function appliedMigrations(connection: Pick<Connection, "query">): Promise<Applied[]> {
  try {
    const [rows] = await connection.query("SELECT hash, created_at FROM __drizzle_migrations");
    return (rows as Applied[]).map(({ hash, created_at }) => ({ hash, created_at: Number(created_at) }));
  } catch (error) {
    if (driverError(error)?.code === "ER_NO_SUCH_TABLE") return [];
    throw error;
  }
}

/** The names of drizzle/'s migrations that the database lacks, the oldest first. */
export async function pendingTags(connection: Pick<Connection, "query">): Promise<string[]> {
  const applied = await appliedMigrations(connection);
  return journal.entries.filter(({ when }) => !applied.some((each) => each.created_at === when)).map(({ tag }) => tag);
}

/** All migrations of drizzle/, the oldest first. */
export function readMigrations(): Migration[] {
  const files = readMigrationFiles({ migrationsFolder: join(import.meta.dir, "../../drizzle") });
  // drizzle reads the files in the order of the journal.
  return files.map((file, index) => ({ ...file, tag: journal.entries[index]?.tag ?? "" }));
}

/** This migration gives Muster's own tables the prefix `muster_`. Those before it make the tables without the prefix. */
const PREFIX = "0004_own_names";
const NAME_WITHOUT_PREFIX = /`(gates|idempotency_keys|rejections|runs)`/g;

/**
 * The migrations for a new database. They give Muster's own tables the prefix `muster_` from the start, so a table `runs` of
 * another program does not collide. Their hashes differ from those in drizzle/: by them a crashed start is completed in its own way.
 */
export function withPrefix(migrations: readonly Migration[]): Migration[] {
  return migrations.map((migration) => {
    if (migration.tag > PREFIX) return migration;
    if (migration.tag === PREFIX) return { ...migration, sql: [] };
    const sql = migration.sql.map((statement) => statement.replace(NAME_WITHOUT_PREFIX, "`muster_$1`"));
    return { ...migration, sql, hash: createHash("sha256").update(sql.join("")).digest("hex") };
  });
}

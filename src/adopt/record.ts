/** Makes Muster's own tables in an adopted database, and records that its tables are there. */
import { getTableName, is } from "drizzle-orm";
import { getTableConfig, MySqlTable } from "drizzle-orm/mysql-core";
import type { Connection } from "mysql2/promise";
import { applyPending, createJournal } from "../db/apply-migrations.ts";
import { driverError } from "../db/driver-errors.ts";
import * as ledger from "../db/ledger.ts";
import { ADOPTED_JOURNAL } from "../db/migrations.ts";
import { MusterError } from "../errors.ts";
import type { Baseline } from "./baseline.ts";

/** When the first migration of Muster's own sample was made. Every version of Muster has it. */
const SAMPLE_BEGAN = 1_795_380_566_135;

/** @throws MusterError `refused` if Muster's own migrations made the database, so that its tables are in schema.ts already */
export async function refuseSample(connection: Connection, database: string): Promise<void> {
  const applied = await journalOf(connection, "__drizzle_migrations");
  if (!applied.some(({ when }) => when === SAMPLE_BEGAN)) return;
  const line = `database "${database}" was made by Muster's own migrations, so there is nothing to adopt`;
  throw new MusterError("refused", `${line}: name another database in DATABASE_URL, or add tables to src/db/schema.ts`);
}

/**
 * Creates Muster's own tables if they are missing, and records both migrations. The user's tables are not touched.
 * @throws MusterError `conflict` if Muster's own tables are those of another version
 */
export async function record(connection: Connection, database: string, { own, adopted }: Baseline): Promise<void> {
  const before = await journalOf(connection, ADOPTED_JOURNAL);
  if (before.length === 0 || (await isUnfinished(connection))) await applyPending(connection, database, [own]);
  else if (!before.some(({ hash }) => hash === own.hash)) await assertOwnTables(connection);
  await connection.query(createJournal(ADOPTED_JOURNAL));
  const applied = await journalOf(connection, ADOPTED_JOURNAL);
  for (const { hash, folderMillis } of [own, adopted]) {
    if (applied.some(({ when }) => when === folderMillis)) continue;
    await connection.query(`INSERT INTO ${ADOPTED_JOURNAL} (hash, created_at) VALUES (?, ?)`, [hash, folderMillis]);
  }
}

/** The migrations that a journal lists; none if it does not exist, or if the user may not read it. */
async function journalOf(connection: Connection, journal: string): Promise<{ hash: string; when: number }[]> {
  try {
    const [rows] = await connection.query(`SELECT hash, created_at AS \`when\` FROM ${journal}`);
    return (rows as { hash: string; when: unknown }[]).map(({ hash, when }) => ({ hash, when: Number(when) }));
  } catch (error) {
    if (["ER_NO_SUCH_TABLE", "ER_TABLEACCESS_DENIED_ERROR"].includes(driverError(error)?.code ?? "")) return [];
    throw error;
  }
}

/** Whether an earlier adopt, or a migration, ended half-way. */
async function isUnfinished(connection: Connection): Promise<boolean> {
  const [rows] = await connection.query("SHOW TABLES LIKE '\\\\_\\\\_muster\\\\_migrating'");
  return (rows as unknown[]).length > 0;
}

/** Checks that Muster's own tables have all columns that this version needs. */
async function assertOwnTables(connection: Connection): Promise<void> {
  const [rows] = await connection.query(
    `SELECT table_name AS name, column_name AS \`column\` FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name LIKE 'muster\\_%'`,
  );
  const found = new Set((rows as { name: string; column: string }[]).map(({ name, column }) => `${name}.${column}`));
  const wanted = Object.values<unknown>(ledger)
    .filter((each): each is MySqlTable => is(each, MySqlTable))
    .flatMap((table) => getTableConfig(table).columns.map(({ name }) => `${getTableName(table)}.${name}`));
  const missing = wanted.filter((column) => !found.has(column));
  if (missing.length === 0) return;
  const line = `Muster's own tables are those of another version: they lack ${missing.join(", ")}`;
  throw new MusterError("conflict", `${line}. Apply the migrations of drizzle/ first: npm run migrate`);
}

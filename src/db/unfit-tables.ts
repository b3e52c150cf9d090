/** What a migration left that began on a server which was not fit for it: tables on which it can never be completed. */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import { MusterError } from "../errors.ts";

/**
 * Drops the tables that an unfinished migration made, if one of them is not InnoDB's or has a row format whose indexes are
 * too short: it would lack foreign keys and indexes for good. The migration then begins anew.
 * @param created the tables that it has made so far
 * @returns whether they were dropped
 * @throws MusterError `conflict` if one of them has rows
 */
export async function dropUnfit(connection: Connection, created: readonly string[]): Promise<boolean> {
  if (created.length === 0) return false;
  const [found] = await connection.query(
    `SELECT table_name AS name, engine AS engine, row_format AS format FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name IN (?)`,
    [created],
  );
  const tables = found as { name: string; engine: string; format: string }[];
  const unfit = tables.filter(({ engine, format }) => engine !== "InnoDB" || /^(compact|redundant)$/i.test(format));
  if (unfit.length === 0) return false;
  for (const { name } of tables) {
    const [rows] = await connection.query(`SELECT 1 FROM ${escapeId(name)} LIMIT 1`);
    if ((rows as unknown[]).length === 0) continue;
    const [first = { name, engine: "", format: "" }] = unfit;
    throw new MusterError(
      "conflict",
      `an unfinished migration made ${first.name} with ${first.engine} and row format ${first.format}, and ${name} has rows: ` +
        `move them elsewhere and run DROP TABLE ${tables.map((each) => escapeId(each.name)).join(", ")}`,
    );
  }
  await connection.query("SET SESSION foreign_key_checks = OFF");
  await connection.query(`DROP TABLE ${tables.map(({ name }) => escapeId(name)).join(", ")}`);
  await connection.query("SET SESSION foreign_key_checks = ON");
  return true;
}

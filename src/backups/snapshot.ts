import type { PoolConnection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { interruptible, retried } from "../db/transaction.ts";
import { isEmpty } from "../publish/definition.ts";
import { passGates } from "../repositories/gates.ts";
import type { Report } from "../repositories/run-log.ts";

/**
 * Opens a connection that sees all tables in their state at one moment. A table that is swapped in after the snapshot began
 * would read as empty. Two things prevent that. The gates are held in share mode until the snapshot has read from every table,
 * so no publish or restore comes between. And once the snapshot has read from a table, the table cannot be renamed before the
 * snapshot ends.
 */
export async function openSnapshot(
  database: Database,
  tables: readonly Table[],
  report: Report,
): Promise<PoolConnection> {
  const gates = await database.pool.getConnection();
  const snapshot = await database.pool.getConnection().catch((error) => {
    gates.release();
    throw error;
  });
  try {
    await gates.beginTransaction();
    const shared = tables.map((table) => table.name);
    await interruptible(database, gates, report.signal, () =>
      passGates(gates, { shared }, (name) => report.say(`waiting for a publish or restore of ${name}`)),
    );
    // Another program's ALTER may still come between the snapshot and the first read. Then both are done again.
    const open = async () => {
      await snapshot.query("START TRANSACTION WITH CONSISTENT SNAPSHOT");
      for (const { name } of tables) await isEmpty(snapshot, name);
    };
    await interruptible(database, snapshot, report.signal, () => retried(["ER_TABLE_DEF_CHANGED"], open));
    await gates.rollback();
    gates.release();
    return snapshot;
  } catch (error) {
    gates.destroy();
    snapshot.destroy();
    throw error;
  }
}

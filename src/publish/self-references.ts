/**
 * Inserts the rows of a table that refers to itself. The server checks a foreign key row by row, so a row could not go in before
 * its parent, and rows that refer to each other not at all. So its checks are off for the INSERTs, and all references of the
 * table are verified here, in the same transaction and while the gate is held.
 */
import type { Connection } from "mysql2/promise";
import { keyRange } from "../repositories/key-sql.ts";
import { withoutChecks } from "./ddl.ts";
import type { SetAside, Staged } from "./set-aside.ts";
import { stagedTable } from "./staged-table.ts";
import { undeclaredKeys } from "./undeclared-keys.ts";

/**
 * @param late rejects the rows without a parent
 * @param insertAll inserts the rows that the stage has
 */
export async function insertUnchecked(
  connection: Connection,
  { table, stage }: Staged,
  late: SetAside,
  insertAll: () => Promise<void>,
): Promise<void> {
  const range = await keyRange(connection, stagedTable(table), { from: stage });
  if (!range) return;
  // The search locks the parents that it finds: nobody can delete them until the transaction ends.
  const rejectOrphans = async () => {
    let found = 0;
    // A rejected row may be the parent of others.
    for (let more = await late.takeOrphans(range); more > 0; more = await late.takeOrphans(range)) found += more;
    return found;
  };
  for (const key of await undeclaredKeys(connection, table)) await late.takeUndeclared(range, key);
  await rejectOrphans();
  await connection.query("SAVEPOINT unchecked");
  for (;;) {
    const { unchanged } = late;
    const rejected = late.rejected.size;
    await withoutChecks(connection, insertAll);
    if (late.rejected.size === rejected) return;
    await late.remove(late.rejected.keys());
    if ((await rejectOrphans()) === 0) return;
    // The server has refused parents of rows that went in. Begin again without them and their children.
    await connection.query("ROLLBACK TO SAVEPOINT unchecked");
    late.unchanged = unchanged;
    await late.remove(late.rejected.keys());
    await rejectOrphans();
  }
}

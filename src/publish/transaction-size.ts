/** How large a transaction may be, on a server that limits it: a cluster, or TiDB. */
import { escapeId } from "mysql2";
import type { Connection, PoolConnection, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { isRefusedByGroup, isTooLarge } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";
import { columnAt } from "../repositories/key-sql.ts";
import { planReplacement, type Replacement } from "./replace.ts";

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

/** Bytes that the server adds to each row of a transaction, about. */
const ROW_OVERHEAD_BYTES = 60;
/** So many times the rows a transaction may be: it has a changed row twice, and the run's rejections too. */
const GROUP_GROWTH_MAX = 4;

/**
 * Refuses a restore whose transaction is larger than the server's limit. The server itself would refuse it only after all the
 * work.
 */
export async function refuseTooLarge(
  { server }: Pick<Database, "server">,
  connection: PoolConnection,
  replacements: readonly Replacement[],
): Promise<void> {
  const { bytes: limit } = server.transactionLimit ?? {};
  if (limit === undefined) return;
  const counts = await planReplacement(connection, replacements);
  let bytes = 0;
  for (const { table, rows, bytes: staged } of replacements) {
    const { inserted = 0, updated = 0, deleted = 0 } = counts[table.name] ?? {};
    // A transaction carries an updated row twice: with the old values and with the new ones.
    bytes += (inserted + 2 * updated + deleted) * (staged / Math.max(1, rows) + ROW_OVERHEAD_BYTES);
  }
  if (bytes <= limit) return;
  const sizes = `about ${megabytes(bytes)} in one transaction, and the server's limit is ${megabytes(limit)}`;
  throw new MusterError(
    "refused",
    `the restore would carry ${sizes}: restore fewer tables at once, or raise the limit`,
  );
}

/**
 * The error to throw if the server may have refused a transaction because of its size. Nothing of the transaction is stored then.
 * @param staged the stages that the transaction reads
 * @returns MusterError `refused` with how much the rows are, and the server's limit; any other error unchanged
 */
export async function explainedSize(
  error: unknown,
  { server }: Pick<Database, "server">,
  connection: Connection,
  staged: readonly { table: Table; stage: string }[],
): Promise<unknown> {
  const isByGroup = isRefusedByGroup(error);
  if (!isByGroup && !isTooLarge(error)) return error;
  let [rows, bytes] = [0, 0];
  for (const { table, stage } of staged) {
    const lengths = table.columns.map((_, index) => `COALESCE(LENGTH(${columnAt(table, index)}), 0)`);
    const [[sums]] = await connection.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS many, COALESCE(SUM(${lengths.join(" + ")}), 0) AS bytes FROM ${escapeId(stage)}`,
    );
    rows += Number(sums?.many);
    bytes += Number(sums?.bytes);
  }
  const { bytes: limit, setting } = server.transactionLimit ?? { bytes: 0, setting: "its limit" };
  if (isByGroup && GROUP_GROWTH_MAX * (bytes + rows * ROW_OVERHEAD_BYTES) < limit) return error;
  const names = staged.map(({ table }) => table.name).join(", ");
  const line =
    `${names}: ${rows} rows (${megabytes(bytes)}) in one transaction, which is more with its indexes than the server allows ` +
    `(${limit > 0 ? `${setting} is ${megabytes(limit)}` : setting}): none of them is stored. Send fewer rows at once, or raise it`;
  return new MusterError("refused", line, { cause: error });
}

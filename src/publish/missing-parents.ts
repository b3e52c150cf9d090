/** Looks up parents for rows that cannot be staged, because they break another rule too. */
import { escapeId } from "mysql2";
import type { Connection, Pool, RowDataPacket } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import type { Reference } from "../codecs/tables.ts";
import { inParts, rowBytes } from "../repositories/inserts.ts";
import { withValues } from "../repositories/key-sql.ts";

/** How many lists one statement looks up at most, and how many bytes their values may have. */
const LIMITS = { rowsMax: 250, bytesMax: 512 * 1024 };

/**
 * @param lists values of the columns that refer
 * @param parentStage a stage whose rows count as parents too
 * @returns the lists that no row has
 */
export async function missingParents(
  connection: Connection | Pool,
  { parent, parentColumns }: Reference,
  lists: readonly (readonly SqlValue[])[],
  parentStage: string | undefined,
): Promise<Set<readonly SqlValue[]>> {
  const missing = new Set<readonly SqlValue[]>();
  const places = [parent.name, ...(parentStage === undefined ? [] : [parentStage])];
  for (const part of inParts(lists, rowBytes, LIMITS)) {
    const asked = part.map((list, index) => {
      const { sql, values } = withValues(parent, parentColumns, list);
      const absent = places.map((name) => `NOT EXISTS (SELECT 1 FROM ${escapeId(name)} WHERE ${sql})`);
      return {
        sql: `SELECT ${index} AS \`index\` FROM DUAL WHERE ${absent.join(" AND ")}`,
        values: places.flatMap(() => values),
      };
    });
    const [rows] = await connection.query<RowDataPacket[]>(
      asked.map(({ sql }) => sql).join(" UNION ALL "),
      asked.flatMap(({ values }) => values),
    );
    for (const { index } of rows) missing.add(part[index] ?? []);
  }
  return missing;
}

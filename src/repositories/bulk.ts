/** A stage's rows moved into their table in one step, alone at the table's gate (design sections 2, Gates, and 5). */
import { escapeId } from "mysql2";
import type { Connection, Pool, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { type Row, type Table, tableOf } from "../codecs/tables.ts";
import { driverError } from "../db/errors.ts";
import { columnList, IDS_PER_STATEMENT, keyOf, readRows } from "./rows.ts";

/** What other writers did to a table between the judging of the stage and its publish. */
export interface LateVerdicts {
  /** Rows that are stored meanwhile just as they are staged. */
  unchanged: number;
  /** Rows whose id is stored meanwhile with other values. */
  duplicates: Row[];
  /** Rows whose reference is gone meanwhile, by the index of the column. */
  orphans: { row: Row; column: number }[];
}

/**
 * Moves the stage into its table, inside the caller's transaction and with the gates held. Where the table has changed
 * since the rows were judged, what does not fit any more is taken out of the stage and told.
 * @returns rows inserted, and the late verdicts
 */
export async function publishByAppend(
  connection: Connection,
  table: Table,
  stage: string,
): Promise<{ inserted: number; late: LateVerdicts }> {
  const late: LateVerdicts = { unchanged: 0, duplicates: [], orphans: [] };
  for (let attempt = 1; ; attempt++) {
    await connection.query("SAVEPOINT publish");
    try {
      return { inserted: await append(connection, table, stage), late };
    } catch (error) {
      const code = driverError(error)?.code;
      if ((code !== "ER_DUP_ENTRY" && code !== "ER_NO_REFERENCED_ROW_2") || attempt === PUBLISH_ATTEMPTS_MAX)
        throw error;
      await connection.query("ROLLBACK TO SAVEPOINT publish");
      await takeOut(connection, table, stage, late);
    }
  }
}

/** Only writers that do not know the gates can make a second attempt fail. */
const PUBLISH_ATTEMPTS_MAX = 5;

async function append(connection: Connection, table: Table, stage: string): Promise<number> {
  const columns = columnList(table.columns);
  const key = keyOf(table);
  const insert = `INSERT INTO ${escapeId(table.name)} (${columns}) SELECT ${columns} FROM ${escapeId(stage)}`;
  const [counted] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS \`rows\`, MAX(${key}) AS last FROM ${escapeId(stage)}`,
  );
  const { rows, last } = counted[0] as { rows: number; last: number | null };
  if (last === null) return 0;
  // The highest id first: it raises AUTO_INCREMENT at once, so that nobody else is given an id that follows here.
  const [first] = await connection.query<ResultSetHeader>(`${insert} WHERE ${key} = ?`, [last]);
  const [rest] = await connection.query<ResultSetHeader>(`${insert} WHERE ${key} < ? ORDER BY ${key}`, [last]);
  const inserted = first.affectedRows + rest.affectedRows;
  if (inserted !== rows) throw new Error(`${inserted} of ${rows} staged rows of ${table.name} arrived`);
  return inserted;
}

async function takeOut(connection: Connection, table: Table, stage: string, late: LateVerdicts): Promise<void> {
  const key = keyOf(table);
  const same = table.columns
    .map(({ name }) => `BINARY s.${escapeId(name)} <=> BINARY t.${escapeId(name)}`)
    .join(" AND ");
  const joined = `FROM ${escapeId(stage)} s JOIN ${escapeId(table.name)} t ON t.${key} = s.${key}`;
  const [unchanged] = await connection.query<ResultSetHeader>(`DELETE s ${joined} WHERE ${same}`);
  late.unchanged += unchanged.affectedRows;
  // LOCK IN SHARE MODE reads what is committed now: the transaction's snapshot may be older than the conflict.
  const [others] = await connection.query<RowDataPacket[]>(`SELECT s.${key} AS id ${joined} LOCK IN SHARE MODE`);
  const taken = others.map(({ id }) => id as number);
  late.duplicates.push(...(await readRows(connection, table, taken, stage)));
  for (const { column, table: parent } of table.references) {
    const reference = `s.${escapeId(table.columns[column]?.name ?? "")}`;
    const parentKey = `p.${keyOf(tableOf(parent))}`;
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT s.${key} AS id FROM ${escapeId(stage)} s LEFT JOIN ${escapeId(parent)} p ON ${parentKey} = ${reference}
       WHERE ${reference} IS NOT NULL AND ${parentKey} IS NULL LOCK IN SHARE MODE`,
    );
    const ids = rows.map(({ id }) => id as number);
    for (const row of await readRows(connection, table, ids, stage)) late.orphans.push({ row, column });
    taken.push(...ids);
  }
  for (let start = 0; start < taken.length; start += IDS_PER_STATEMENT) {
    await connection.query(`DELETE FROM ${escapeId(stage)} WHERE ${key} IN (?)`, [
      taken.slice(start, start + IDS_PER_STATEMENT),
    ]);
  }
}

/** The lowest and highest id that a table holds; undefined where it is empty. */
export async function idRange(pool: Pool, table: Table): Promise<{ from: number; to: number } | undefined> {
  const key = keyOf(table);
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT MIN(${key}) AS \`from\`, MAX(${key}) AS \`to\` FROM ${escapeId(table.name)}`,
  );
  const range = rows[0] as { from: number | null; to: number | null } | undefined;
  return range && range.from !== null && range.to !== null ? { from: range.from, to: range.to } : undefined;
}

/**
 * The verdicts on a stage's rows, in a table beside the stage. A row that has none can be stored. They are kept there and not in
 * this process because a million rows may be rejected.
 */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Reference, Table, Unique } from "../codecs/tables.ts";
import type { KeyRange } from "../repositories/key-sql.ts";
import { ROW_NUMBER } from "./staged-table.ts";

/** What can be found out about a staged row. */
export type Finding =
  /** The same row is stored, or was read before. */
  | { is: "unchanged" }
  | { is: "orphan"; reference: Reference }
  | { is: "taken key" }
  | { is: "taken value"; unique: Unique };

/** All findings for a table, in the order in which a row's reasons are given. A finding's place is its code in the verdicts. */
export const findingsOf = ({ references, uniques }: Table): Finding[] => [
  { is: "unchanged" },
  ...references.map((reference): Finding => ({ is: "orphan", reference })),
  { is: "taken key" },
  ...uniques.map((unique): Finding => ({ is: "taken value", unique })),
];

export const UNCHANGED = 0;
export const orphanCode = (reference: number): number => 1 + reference;
export const keyCode = ({ references }: Table): number => 1 + references.length;
export const valueCode = (table: Table, unique: number): number => keyCode(table) + 1 + unique;

export interface Verdict {
  /** The row's number. */
  row: number;
  finding: number;
  /** The row of the stage that has the same key or value; null if it is a stored row. */
  other: number | null;
}

/** Like a stage, it is dropped when the run ends: its name begins in the same way. */
export const verdictsName = (stage: string): string => `${stage}_verdicts`;

/** `round` says when a row was found that refers to a row of its own table: self-orphans.ts. */
export async function createVerdicts(connection: Connection, stage: string): Promise<void> {
  await connection.query(
    `CREATE TABLE ${escapeId(verdictsName(stage))} (${ROW_NUMBER} BIGINT UNSIGNED NOT NULL, finding SMALLINT UNSIGNED NOT NULL,
     other BIGINT UNSIGNED NULL, round INT UNSIGNED NOT NULL DEFAULT 0, PRIMARY KEY (${ROW_NUMBER}, finding), KEY (round))
     ENGINE=InnoDB`,
  );
}

/** How many verdicts one statement writes. */
const VERDICTS_PER_INSERT = 10_000;

export async function addVerdicts(connection: Connection, stage: string, verdicts: readonly Verdict[]): Promise<void> {
  const statement = `INSERT INTO ${escapeId(verdictsName(stage))} (${ROW_NUMBER}, finding, other) VALUES ?`;
  for (let start = 0; start < verdicts.length; start += VERDICTS_PER_INSERT) {
    const part = verdicts.slice(start, start + VERDICTS_PER_INSERT);
    await connection.query(statement, [part.map(({ row, finding, other }) => [row, finding, other])]);
  }
}

/** The verdicts on a range of rows, in the order of the rows and of their reasons. */
export async function verdictsOn(connection: Connection, stage: string, { first, last }: KeyRange): Promise<Verdict[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT ${ROW_NUMBER} AS \`row\`, finding, other FROM ${escapeId(verdictsName(stage))}
     WHERE ${ROW_NUMBER} BETWEEN ? AND ? ORDER BY ${ROW_NUMBER}, finding`,
    [first, last],
  );
  return rows.map(({ row, finding, other }) => ({
    row: Number(row),
    finding,
    other: other === null ? null : Number(other),
  }));
}

/** The rows of a range that are unchanged because they repeat a row of the stage, with that row. */
export async function repeatsOf(
  connection: Connection,
  stage: string,
  range: KeyRange,
): Promise<ReadonlyMap<number, number>> {
  const verdicts = await verdictsOn(connection, stage, range);
  const repeats = new Map<number, number>();
  for (const { row, finding, other } of verdicts) {
    if (finding > UNCHANGED)
      repeats.delete(row); // it is rejected: it has another fault
    else if (other !== null) repeats.set(row, other);
  }
  return repeats;
}

/** How many rows are unchanged, and how many are rejected. */
export async function countVerdicts(
  connection: Connection,
  stage: string,
): Promise<{ unchanged: number; rejected: number }> {
  const [[counted]] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS all_rows, COALESCE(SUM(worst > ${UNCHANGED}), 0) AS rejected
     FROM (SELECT MAX(finding) AS worst FROM ${escapeId(verdictsName(stage))} GROUP BY ${ROW_NUMBER}) judged`,
  );
  const rejected = Number(counted?.rejected);
  return { rejected, unchanged: Number(counted?.all_rows) - rejected };
}

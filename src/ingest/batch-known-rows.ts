/** What the rows of a request or a replay are judged against. */
import type { PoolConnection } from "mysql2/promise";
import type { Row, Table, TableName } from "../codecs/tables.ts";
import { existingIds } from "../repositories/key-sql.ts";
import { readRows } from "../repositories/rows.ts";
import type { KnownRows } from "./judge.ts";
import type { JudgedRow } from "./store-rows.ts";

/** The rows that are stored now, and the rows of this batch that were accepted before. */
export class BatchKnownRows implements KnownRows {
  readonly #judged = new Map<TableName, readonly JudgedRow[]>();

  constructor(private readonly connection: PoolConnection) {}

  /** Later tables of the batch may refer to those of these rows that are not rejected. */
  add(table: Table, rows: readonly JudgedRow[]): void {
    this.#judged.set(table.name, rows);
  }

  stored(table: Table, ids: readonly number[]): Promise<Row[]> {
    return readRows(this.connection, table, ids);
  }

  async missing(table: Table, ids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
    const accepted = acceptedIds(table, this.#judged.get(table.name) ?? []);
    const unknown = [...ids].filter((id) => !accepted.has(id));
    const found = await existingIds(this.connection, table, unknown);
    return new Set(unknown.filter((id) => !found.has(id)));
  }
}

function acceptedIds(table: Table, rows: readonly JudgedRow[]): Set<number> {
  const good = rows.filter(({ verdict }) => verdict.is !== "rejected");
  // Under a key that is a number, the rows of other tables may refer to it.
  const idOf = ({ id, key }: JudgedRow) => id ?? (table.numberKey === undefined ? undefined : Number(key?.[0]));
  return new Set(good.flatMap((row) => idOf(row) ?? []));
}

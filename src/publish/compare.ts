/** What a stage has otherwise than its table, told without the server having to join the two. */
import type { PoolConnection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { numberAt, type TextRow } from "../db/text-rows.ts";
import { readWhole } from "../repositories/whole-table.ts";

/** Rows of a table or a stage; both are read at once, each on a connection of its own. */
export interface Side {
  connection: PoolConnection;
  name: string;
}

/**
 * Compares a stage with its table by the bytes in which the server sends their rows: what it sends alike is alike.
 * @param read is called now and then with the rows compared so far; it may throw
 * @returns what becomes of the table's rows where the stage takes its place
 */
export async function compareRows(
  table: Table,
  stage: Side,
  target: Side,
  read: (rows: number) => void,
): Promise<RestoreCounts> {
  const counts = { inserted: 0, updated: 0, unchanged: 0, deleted: 0 };
  const next = new Queue(table, stage);
  const old = new Queue(table, target);
  let received = 0;
  while ((await Promise.all([next.fill(), old.fill()])).includes(true)) {
    // Up to the end of a page: then the next one is waited for.
    while (next.isReady && old.isReady) {
      const [ours, theirs] = [next.first, old.first];
      if (ours === undefined && theirs === undefined) break;
      const order = (ours?.id ?? Number.POSITIVE_INFINITY) - (theirs?.id ?? Number.POSITIVE_INFINITY);
      if (order > 0) counts.deleted++;
      else if (order < 0) counts.inserted++;
      else if (ours && theirs && isSame(ours, theirs)) counts.unchanged++;
      else counts.updated++;
      if (order <= 0) {
        next.shift();
        received++;
      }
      if (order >= 0) old.shift();
    }
    read(received);
  }
  return { received, ...counts };
}

interface KeyedRow extends TextRow {
  id: number;
}

function isSame(one: TextRow, other: TextRow): boolean {
  const length = one.end - one.offset;
  if (other.end - other.offset !== length) return false;
  for (let at = 0; at < length; at++) {
    if (one.buffer[one.offset + at] !== other.buffer[other.offset + at]) return false;
  }
  return true;
}

/** Rows in id order, of which a page is at hand and the next on its way. */
class Queue {
  readonly #pages: AsyncGenerator<unknown>;
  /** Those that have come, also of the page that is on its way. */
  #arrived: KeyedRow[] = [];
  #page: KeyedRow[] = [];
  #index = 0;
  #ended = false;

  constructor(table: Table, { connection, name }: Side) {
    const each = (row: TextRow) => {
      const { buffer, offset, end } = row;
      this.#arrived.push({ buffer, offset, end, id: numberAt(row, table.key) });
    };
    this.#pages = readWhole(connection, table, each, name);
  }

  /** Makes sure that there is a row, unless none is left; answers whether there is. */
  async fill(): Promise<boolean> {
    while (this.first === undefined && !this.#ended) {
      this.#ended = (await this.#pages.next()).done === true;
      this.#page = this.#arrived;
      this.#index = 0;
      this.#arrived = [];
    }
    return this.first !== undefined;
  }

  /** Whether `first` is the next row, or undefined because none is left. */
  get isReady(): boolean {
    return this.first !== undefined || this.#ended;
  }

  get first(): KeyedRow | undefined {
    return this.#page[this.#index];
  }

  shift(): void {
    this.#index++;
  }
}

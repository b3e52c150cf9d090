/** The verdicts on the rows of a request or a replay, by look-ups on the server. */
import type { PoolConnection } from "mysql2/promise";
import { type Key, keyIn, keyText } from "../codecs/key-text.ts";
import { duplicateId, duplicateValue, unknownReference } from "../codecs/reasons.ts";
import { givenValues, type ReadRow, type Reference, type Row, type Table, type Unique } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";
import { referredText, storedUnder } from "../publish/faulty-rows.ts";
import { rowsWith } from "../repositories/look-up.ts";
import { NEW, UNCHANGED, type Verdict } from "./judge.ts";
import type { JudgedRow } from "./store-rows.ts";

/** A row with the row that is stored under its key, if there is one. */
interface Open {
  judged: JudgedRow;
  values: ReadRow["values"];
  reasons: Reason[];
  stored: Row | undefined;
}

export class BatchJudge {
  /** The rows whose parent in their own table is not stored, with the reason if it never is. */
  readonly #waiting = new Map<JudgedRow, Reason>();
  /** The places of the rows that were accepted, by the text of their keys. */
  readonly #accepted = new Map<string, number>();
  /** What the batch's rows would give other rows of the table to refer to: by reference, then by values. */
  readonly #offered: ReadonlyMap<Reference, ReadonlySet<string>>;

  constructor(
    private readonly connection: PoolConnection,
    private readonly table: Table,
    rows: readonly JudgedRow<ReadRow & { index: number }>[],
  ) {
    this.#places = new Map(rows.map((each) => [each, each.row.index]));
    this.#offered = new Map(
      table.references
        .filter(({ parent }) => parent === table)
        .map((reference) => [reference, new Set(rows.map(({ row }) => codeOf(row.values, reference.parentColumns)))]),
    );
  }

  readonly #places: ReadonlyMap<JudgedRow, number>;

  /** Whether the row must wait for a row of its own table. */
  waits(row: JudgedRow): boolean {
    return this.#waiting.has(row);
  }

  /** The verdict on a row that waited in vain. */
  orphan(row: JudgedRow): Verdict {
    const reason = this.#waiting.get(row);
    return { is: "rejected", reasons: reason ? [reason] : [] };
  }

  /** Notes that a row is stored. */
  accept(row: JudgedRow): void {
    if (row.key) this.#accepted.set(keyText(this.table, row.key), this.#places.get(row) ?? 0);
  }

  /** The verdicts on rows, without a look at each other. A row that waits has the verdict `new`. */
  async verdicts(rows: readonly JudgedRow[]): Promise<Verdict[]> {
    const open = rows.map(
      (judged): Open => ({ judged, values: judged.row.values, reasons: [...judged.row.reasons], stored: undefined }),
    );
    for (const { judged } of open) this.#waiting.delete(judged);
    for (const reference of this.table.references) await this.#findParents(open, reference);
    const wellFormed = open.filter(({ judged }) => judged.row.reasons.length === 0);
    await this.#findKeys(wellFormed);
    for (const unique of this.table.uniques) await this.#findValues(wellFormed, unique);
    return open.map(({ judged, values, reasons, stored }) => {
      if (reasons.length > 0) this.#waiting.delete(judged);
      if (reasons.length > 0) return { is: "rejected", reasons };
      if (stored) judged.key = keyIn(this.table, stored);
      return stored && isSame(stored, values) ? UNCHANGED : NEW;
    });
  }

  async #findParents(open: readonly Open[], reference: Reference): Promise<void> {
    const { parent, columns, parentColumns } = reference;
    const parents = await this.#look(open, columns, parent, parentColumns);
    for (const { each, found } of parents) {
      if (found || this.#isOwnParent(each.values, reference)) continue;
      const reason = unknownReference(this.table, reference, referredText(this.table, reference, each.values));
      // A row of the batch may still become its parent.
      const isOffered = this.#offered.get(reference)?.has(codeOf(each.values, columns)) ?? false;
      if (isOffered && each.judged.row.reasons.length === 0) this.#waiting.set(each.judged, reason);
      else each.reasons.push(reason);
    }
  }

  /** Whether a row refers to itself. */
  #isOwnParent(values: ReadRow["values"], { parent, columns, parentColumns }: Reference): boolean {
    return parent === this.table && codeOf(values, columns) === codeOf(values, parentColumns);
  }

  async #findKeys(open: readonly Open[]): Promise<void> {
    for (const { each, found } of await this.#look(open, this.table.key, this.table, this.table.key)) {
      each.stored = found;
      if (!found || isSame(found, each.values)) continue;
      each.reasons.push(duplicateId(this.table, this.#keyOf(each.values)));
    }
  }

  async #findValues(open: readonly Open[], unique: Unique): Promise<void> {
    for (const { each, found } of await this.#look(open, unique.columns, this.table, unique.columns)) {
      if (!found) continue;
      const key = keyText(this.table, keyIn(this.table, found));
      if (each.stored && keyText(this.table, keyIn(this.table, each.stored)) === key) continue;
      const place = this.#accepted.get(key);
      const where =
        place === undefined ? storedUnder(this.table, keyIn(this.table, found)) : `in row ${place} of this request`;
      each.reasons.push(duplicateValue(this.table, unique, where));
    }
  }

  /** Looks up the row that has a row's values, for each row that has all of them. */
  async #look(open: readonly Open[], columns: readonly number[], parent: Table, parentColumns: readonly number[]) {
    const asked = open.flatMap((each) => {
      const values = givenValues(each.values, columns);
      return values ? [{ each, values }] : [];
    });
    const lists = asked.map(({ values }) => values);
    const rows = await rowsWith(this.connection, parent, parentColumns, lists);
    return asked.map(({ each }, index) => ({ each, found: rows[index] }));
  }

  #keyOf(values: ReadRow["values"]): string {
    const key: Key = this.table.key.map((index) => values[index] ?? null);
    return keyText(this.table, key);
  }
}

const codeOf = (values: ReadRow["values"], columns: readonly number[]): string =>
  JSON.stringify(columns.map((index) => values[index] ?? null));

/** Whether a stored row has all values of a row. What the row leaves to the server does not count. */
const isSame = (stored: Row, values: ReadRow["values"]): boolean =>
  values.every((value, index) => value === undefined || value === stored[index]);

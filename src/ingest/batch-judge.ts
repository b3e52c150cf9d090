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

/** In so many rounds, a row also waits for rows whose text the server might call equal. Later only the same text counts. */
const ROUNDS_OF_ALIKE = 20;
/** After so many rounds no row waits any more. The server still stores the first of equal rows. */
const ROUNDS_MAX = 50;

/** The same for nearly all texts that a collation calls equal: without letter case, accents and blanks. */
const folded = (code: string) =>
  code
    .normalize("NFKD")
    .replace(/[\p{M}\p{C}\s]/gu, "")
    .toLowerCase();

export class BatchJudge {
  #rounds = 0;
  #isExact = false;
  /** The places of the rows that were accepted, by the text of their keys. */
  readonly #accepted = new Map<string, number>();
  /** The keys and unique values that stored rows have. A row with one of them is not stored. */
  readonly #taken = new Set<string>();
  readonly #places: ReadonlyMap<JudgedRow, number>;
  /** The columns of the key and of each unique constraint. */
  readonly #constraints: readonly (readonly number[])[];

  constructor(
    private readonly connection: PoolConnection,
    private readonly table: Table,
    rows: readonly JudgedRow<ReadRow & { index: number }>[],
  ) {
    this.#places = new Map(rows.map((each) => [each, each.row.index]));
    this.#constraints = [table.key, ...table.uniques.map(({ columns }) => columns)];
  }

  /** The rows whose verdicts do not depend on a row before them that may still be stored. There is one at least. */
  ready<J extends JudgedRow>(rows: readonly J[]): J[] {
    if (this.#rounds > ROUNDS_MAX) return [...rows];
    const claimed = new Set<string>();
    const alike = this.#rounds++ < ROUNDS_OF_ALIKE && !this.#isExact ? folded : (code: string) => code;
    return rows.filter(({ row }) => {
      if (row.reasons.length > 0) return true;
      const codes = this.#codesOf(row.values);
      const isFirst = !codes.some((code) => claimed.has(alike(code)));
      // A row that is judged now and has a taken value will not be stored, so no later row has to wait for it. If it waits
      // itself, later rows wait too: else one of them could be stored first, and this row would be called its duplicate.
      const isLost = isFirst && codes.some((code) => this.#taken.has(code));
      if (!isLost) for (const code of codes) claimed.add(alike(code));
      return isFirst;
    });
  }

  /** From now on a row waits only for rows with the same text. */
  waitLess(): void {
    this.#isExact = true;
  }

  /** @returns whether the parent of a row in its own table may be among these rows */
  parentsAmong(rows: readonly JudgedRow[]): (row: JudgedRow) => boolean {
    if (this.#isExact) return () => false;
    const code = ({ row }: JudgedRow, columns: readonly number[]) =>
      folded(JSON.stringify(givenValues(row.values, columns) ?? []));
    const own = this.table.references.filter(({ parent }) => parent === this.table);
    const offered = own.map(({ columns, parentColumns }) => {
      const counts = new Map<string, number>();
      for (const row of rows) counts.set(code(row, parentColumns), (counts.get(code(row, parentColumns)) ?? 0) + 1);
      return { columns, parentColumns, counts };
    });
    return (row) =>
      offered.some(({ columns, parentColumns, counts }) => {
        const wanted = code(row, columns);
        const itself = code(row, parentColumns) === wanted ? 1 : 0;
        return (counts.get(wanted) ?? 0) > itself;
      });
  }

  #codesOf(values: ReadRow["values"]): string[] {
    return this.#constraints.flatMap((columns) => this.#codeOf(values, columns) ?? []);
  }

  #codeOf(values: ReadRow["values"], columns: readonly number[]): string | undefined {
    const given = givenValues(values, columns);
    return given && JSON.stringify([columns, given]);
  }

  /** Notes that a row is stored. */
  accept(row: JudgedRow): void {
    if (row.key) this.#accepted.set(keyText(this.table, row.key), this.#places.get(row) ?? 0);
    for (const code of this.#codesOf(row.row.values)) this.#taken.add(code);
  }

  /**
   * The verdicts on rows, without a look at each other.
   * @param own whether to look up the rows of their own table that they refer to
   */
  async verdicts(rows: readonly JudgedRow[], { own = false } = {}): Promise<Verdict[]> {
    const open = rows.map(
      (judged): Open => ({ judged, values: judged.row.values, reasons: [...judged.row.reasons], stored: undefined }),
    );
    for (const reference of this.table.references)
      if (own || reference.parent !== this.table) await this.#findParents(open, reference);
    const wellFormed = open.filter(({ judged }) => judged.row.reasons.length === 0);
    await this.#findKeys(wellFormed);
    for (const unique of this.table.uniques) await this.#findValues(wellFormed, unique);
    return open.map(({ judged, values, reasons, stored }) => {
      if (reasons.length > 0) return { is: "rejected", reasons };
      if (stored) judged.key = keyIn(this.table, stored);
      return stored && isSame(stored, values) ? UNCHANGED : NEW;
    });
  }

  async #findParents(open: readonly Open[], reference: Reference): Promise<void> {
    for (const { each, found } of await this.#look(
      open,
      reference.columns,
      reference.parent,
      reference.parentColumns,
    )) {
      if (found) continue;
      each.reasons.push(
        unknownReference(this.table, reference, referredText(this.table, reference, each.values as Row)),
      );
    }
  }

  /** Adds the reason to rejected rows that refer to a row of their own table that is not stored in the end. */
  async addOwnOrphans(rows: readonly JudgedRow[]): Promise<void> {
    const rejected = rows.filter(({ verdict }) => verdict.is === "rejected");
    for (const reference of this.table.references) {
      if (reference.parent !== this.table || rejected.length === 0) continue;
      const isOwn = ({ row: { values } }: JudgedRow) =>
        reference.columns.every((index, place) => values[index] === values[reference.parentColumns[place] ?? -1]);
      const open = rejected
        .filter((each) => !isOwn(each))
        .map((judged): Open => ({ judged, values: judged.row.values, reasons: [], stored: undefined }));
      await this.#findParents(open, reference);
      for (const { judged, reasons } of open) {
        const [reason] = reasons;
        const known = judged.verdict.is === "rejected" ? judged.verdict.reasons : [];
        if (!reason || known.some(({ code, field }) => code === reason.code && field === reason.field)) continue;
        const before = known.filter(({ code }) => !code.startsWith("duplicate_"));
        const after = known.filter(({ code }) => code.startsWith("duplicate_"));
        judged.verdict = { is: "rejected", reasons: [...before, reason, ...after] };
      }
    }
  }

  async #findKeys(open: readonly Open[]): Promise<void> {
    for (const { each, found } of await this.#look(open, this.table.key, this.table, this.table.key)) {
      each.stored = found;
      if (!found) continue;
      this.#note(each.values, this.table.key);
      if (isSame(found, each.values)) continue;
      each.reasons.push(duplicateId(this.table, this.#keyOf(each.values)));
    }
  }

  async #findValues(open: readonly Open[], unique: Unique): Promise<void> {
    for (const { each, found } of await this.#look(open, unique.columns, this.table, unique.columns)) {
      if (!found) continue;
      this.#note(each.values, unique.columns);
      const key = keyText(this.table, keyIn(this.table, found));
      if (each.stored && keyText(this.table, keyIn(this.table, each.stored)) === key) continue;
      const place = this.#accepted.get(key);
      const where =
        place === undefined ? storedUnder(this.table, keyIn(this.table, found)) : `in row ${place} of this request`;
      each.reasons.push(duplicateValue(this.table, unique, where));
    }
  }

  #note(values: ReadRow["values"], columns: readonly number[]): void {
    const code = this.#codeOf(values, columns);
    if (code !== undefined) this.#taken.add(code);
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

/** Whether a stored row has all values of a row. What the row leaves to the server does not count. */
const isSame = (stored: Row, values: ReadRow["values"]): boolean =>
  values.every((value, index) => value === undefined || value === stored[index]);

/** Finds rows of a stage that refer to a row of their own table that is neither stored nor will be. */
import { escapeId } from "mysql2";
import type { Reference, Table } from "../codecs/tables.ts";
import { columnAt } from "../repositories/key-sql.ts";
import { fromWhere, orphans, pairsOf } from "../repositories/row-sets.ts";
import type { StageStatements } from "./stage-statements.ts";
import { orphanCode, verdictsName } from "./stage-verdicts.ts";
import { addIndex, ROW_NUMBER } from "./staged-table.ts";

export class SelfOrphans {
  readonly #verdicts: string;
  readonly #stage: string;
  readonly #references: readonly { reference: Reference; code: number }[];
  #round = 0;
  #isIndexed = false;

  constructor(
    private readonly table: Table,
    stage: string,
    private readonly statements: StageStatements,
  ) {
    this.#verdicts = escapeId(verdictsName(stage));
    this.#stage = escapeId(stage);
    this.#references = table.references.flatMap((reference, index) =>
      reference.parent === table ? [{ reference, code: orphanCode(index) }] : [],
    );
  }

  /**
   * Writes the verdicts on them. A row without its parent is no parent itself. So after all rows, each round looks at the rows
   * that refer to those of the round before.
   * @returns how many were found
   */
  async find(): Promise<number> {
    let found = 0;
    this.#round++;
    for (const each of this.#references) found += await this.#add(each, `${this.#stage} s`, "TRUE");
    for (let last = found; last > 0; found += last) last = await this.#nextRound();
    return found;
  }

  async #nextRound(): Promise<number> {
    if (!this.#isIndexed) {
      const indexes = this.#references.map(({ reference }) => addIndex(this.table, reference.columns));
      await this.statements.run(`ALTER TABLE ${this.#stage} ${indexes.join(", ")}`);
      this.#isIndexed = true;
    }
    let found = 0;
    this.#round++;
    for (const each of this.#references) {
      const below = `${this.#verdicts} f STRAIGHT_JOIN ${this.#stage} above ON above.${ROW_NUMBER} = f.${ROW_NUMBER}
        STRAIGHT_JOIN ${this.#stage} s ON ${this.#refersTo(each.reference, "above")}`;
      found += await this.#add(each, below, `f.round = ${this.#round - 1}`);
    }
    return found;
  }

  #add({ reference, code }: { reference: Reference; code: number }, from: string, which: string): Promise<number> {
    const orphaned = orphans(from, pairsOf(this.table, reference, "s"), escapeId(this.table.name));
    const judged = `SELECT 1 FROM ${this.#verdicts} v WHERE v.${ROW_NUMBER} =`;
    return this.statements.inParts(
      `INSERT INTO ${this.#verdicts} (${ROW_NUMBER}, finding, round) SELECT DISTINCT s.${ROW_NUMBER}, ${code}, ${this.#round}
       ${fromWhere(orphaned)} AND ${which} AND s.${ROW_NUMBER} BETWEEN ? AND ?
         AND NOT EXISTS (SELECT 1 FROM ${this.#stage} q WHERE ${this.#refersTo(reference, "q")}
           AND (q.${ROW_NUMBER} = s.${ROW_NUMBER} OR NOT EXISTS (${judged} q.${ROW_NUMBER})))
         AND NOT EXISTS (${judged} s.${ROW_NUMBER} AND v.finding = ${code})`,
    );
  }

  #refersTo({ columns, parentColumns }: Reference, parent: string): string {
    const pairs = columns.map(
      (index, place) =>
        `${columnAt(this.table, parentColumns[place] ?? -1, parent)} = ${columnAt(this.table, index, "s")}`,
    );
    return pairs.join(" AND ");
  }
}

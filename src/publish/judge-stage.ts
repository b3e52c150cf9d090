/**
 * Judges the rows of a loaded stage whose rows are numbered, by set statements on the server. Nothing is locked: the publish
 * looks again for what others have changed meanwhile.
 *
 * A row is judged as if the rows were stored one by one, in the order in which they are read: the first one that can be stored
 * takes its key and its unique values. But a row may refer to a later row of its own table.
 */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { inKeyRange, keyRange } from "../repositories/key-sql.ts";
import { fromWhere, type RowSet, sameValues } from "../repositories/row-sets.ts";
import { orphanedRows, storedKeys, takenValues } from "./faulty-rows.ts";
import { FirstWins } from "./first-wins.ts";
import { RowMap } from "./row-map.ts";
import { SelfOrphans } from "./self-orphans.ts";
import { StageStatements } from "./stage-statements.ts";
import { createVerdicts, type Finding, findingsOf, keyCode, UNCHANGED, verdictsName } from "./stage-verdicts.ts";
import { addIndex, ROW_NUMBER, stagedTable } from "./staged-table.ts";

export interface JudgedStage {
  table: Table;
  stage: string;
  /** The database assigns the ids. */
  assignsIds: boolean;
  /** The stages of this run whose rows are parents too, by the tables' names. */
  parentStages: ReadonlyMap<string, string>;
}

/**
 * Writes the verdicts on the rows of a stage. The rows stay in the stage: see `removeJudged`.
 * @param step is called before each step; it may throw
 * @returns has the rows that verdicts on others name
 */
export async function judgeStage(connection: Connection, judged: JudgedStage, step: () => void): Promise<RowMap> {
  const { table, stage } = judged;
  await createVerdicts(connection, stage);
  const range = await keyRange(connection, stagedTable(table), { from: stage });
  if (!range) return new RowMap();
  return new StageJudge(connection, judged, new StageStatements(connection, range, step), step).judge();
}

class StageJudge {
  readonly #verdicts: string;

  constructor(
    private readonly connection: Connection,
    private readonly judged: JudgedStage,
    private readonly statements: StageStatements,
    private readonly step: () => void,
  ) {
    this.#verdicts = escapeId(verdictsName(judged.stage));
  }

  async judge(): Promise<RowMap> {
    const { table, stage } = this.judged;
    await this.#addIndexes();
    for (const [code, finding] of findingsOf(table).entries()) await this.#find(code, finding);
    const orphans = new SelfOrphans(table, stage, this.statements);
    await orphans.find();
    return this.#repeated(orphans);
  }

  /** The stage gets its indexes after the load, because it loads faster without. */
  async #addIndexes(): Promise<void> {
    const { table, stage } = this.judged;
    const keys = [table.key, ...table.uniques.map(({ columns }) => columns)];
    await this.statements.run(
      `ALTER TABLE ${escapeId(stage)} ${keys.map((columns) => addIndex(table, columns)).join(", ")}`,
    );
  }

  /** Compares with the rows of other tables, and with those that are stored. */
  async #find(code: number, finding: Finding): Promise<void> {
    const { table, stage, assignsIds, parentStages } = this.judged;
    if (finding.is === "taken key" && !assignsIds) {
      // One look at each stored row finds both.
      const either = `IF(${sameValues(table, "s", "t")}, ${UNCHANGED}, ${code})`;
      await this.#add(either, storedKeys(table, stage));
    }
    if (finding.is === "taken value") await this.#add(code, takenValues(table, stage, finding.unique));
    if (finding.is === "orphan" && finding.reference.parent !== table) {
      const parentStage = parentStages.get(finding.reference.parent.name);
      await this.#add(code, orphanedRows(table, stage, finding.reference, parentStage));
    }
  }

  /** Compares the rows of the stage with each other. */
  async #repeated(orphans: SelfOrphans): Promise<RowMap> {
    const rivals = new FirstWins(this.connection, this.judged, this.statements);
    await rivals.collect();
    if (rivals.groups === 0) return rivals.others;
    for (;;) {
      await rivals.decide(this.step);
      // A row whose parent has lost has no parent. Without it, another row may win.
      if ((await orphans.find()) === 0) break;
      await this.statements.inParts(
        `DELETE FROM ${this.#verdicts} WHERE other IS NOT NULL AND ${ROW_NUMBER} BETWEEN ? AND ?`,
      );
    }
    await this.#addRepeats();
    return rivals.others;
  }

  /** A row that repeats the row that has taken its key is unchanged. */
  async #addRepeats(): Promise<void> {
    const { table, stage } = this.judged;
    const s = escapeId(stage);
    const repeats = `${this.#verdicts} v JOIN ${s} a ON a.${ROW_NUMBER} = v.${ROW_NUMBER}
      JOIN ${s} b ON b.${ROW_NUMBER} = v.other`;
    await this.statements.inParts(
      `INSERT INTO ${this.#verdicts} (${ROW_NUMBER}, finding, other) SELECT v.${ROW_NUMBER}, ${UNCHANGED}, v.other
       FROM ${repeats} WHERE v.finding = ${keyCode(table)} AND v.other IS NOT NULL AND ${sameValues(table, "a", "b")}
         AND v.${ROW_NUMBER} BETWEEN ? AND ?`,
    );
    await this.statements.inParts(
      `DELETE v FROM ${this.#verdicts} v JOIN ${this.#verdicts} same ON same.${ROW_NUMBER} = v.${ROW_NUMBER}
       AND same.finding = ${UNCHANGED} WHERE v.finding = ${keyCode(table)} AND v.${ROW_NUMBER} BETWEEN ? AND ?`,
    );
  }

  /** Adds a verdict for some rows. @param code may be SQL */
  async #add(code: number | string, rows: RowSet): Promise<void> {
    await this.statements.inParts(
      `INSERT INTO ${this.#verdicts} (${ROW_NUMBER}, finding) SELECT s.${ROW_NUMBER}, ${code}
       ${fromWhere(rows)} AND ${inKeyRange(stagedTable(this.judged.table), "s")}`,
    );
  }
}

/**
 * Removes the rows that are not to be stored from a stage that has been judged.
 * @param none whether no row is to be stored
 */
export async function removeJudged(
  connection: Connection,
  { table, stage }: Pick<JudgedStage, "table" | "stage">,
  none: boolean,
): Promise<void> {
  if (none) return void (await connection.query(`TRUNCATE TABLE ${escapeId(stage)}`)); // a seventh of the time
  const staged = stagedTable(table);
  const range = await keyRange(connection, staged, { from: stage });
  if (!range) return;
  await new StageStatements(connection, range).inParts(
    `DELETE s FROM ${escapeId(stage)} s JOIN ${escapeId(verdictsName(stage))} v ON v.${ROW_NUMBER} = s.${ROW_NUMBER}
     WHERE ${inKeyRange(staged, "s")}`,
  );
}

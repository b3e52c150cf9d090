/**
 * Rows of a stage that have the same key or the same unique values. The server finds them, by its collations; which of them is
 * stored is decided here: the first one, in the order of the rows, for which no row has taken the key or a value yet.
 */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { columnAt } from "../repositories/key-sql.ts";
import { sameIn } from "../repositories/row-sets.ts";
import { RowMap } from "./row-map.ts";
import type { StageStatements } from "./stage-statements.ts";
import { addVerdicts, keyCode, UNCHANGED, type Verdict, valueCode, verdictsName } from "./stage-verdicts.ts";
import { ROW_NUMBER } from "./staged-table.ts";

/** How many rivals are read at a time. A row has fewer than this: one for its key and one for each unique constraint. */
const RIVALS_PER_PAGE = 20_000;

interface Rival {
  row: number;
  /** The finding if another row is first. */
  finding: number;
  /** The lowest number of the rows with the same values. It names their group. */
  group: number;
  /** A verdict on the row that does not depend on other rows of the stage; null if there is none. */
  verdict: number | null;
}

export class FirstWins {
  /** How many rows share a key or a value with others, once for each. */
  groups = 0;
  /** The rows that have what another row wants. */
  others = new RowMap();
  readonly #rivals: string;
  /** What must be unique, with the finding if it is not. */
  readonly #constraints: readonly { finding: number; columns: readonly number[] }[];
  readonly #table: Table;
  readonly #stage: string;

  constructor(
    private readonly connection: Connection,
    { table, stage, assignsIds }: { table: Table; stage: string; assignsIds: boolean },
    private readonly statements: StageStatements,
  ) {
    this.#table = table;
    this.#stage = stage;
    this.#rivals = escapeId(`${stage}_rivals`);
    this.#constraints = [
      ...(assignsIds ? [] : [{ finding: keyCode(table), columns: table.key }]),
      ...table.uniques.map(({ columns }, index) => ({ finding: valueCode(table, index), columns })),
    ];
  }

  /** Writes the rivals into a table beside the stage. It is dropped when the run ends: its name begins like the stage's. */
  async collect(): Promise<void> {
    await this.connection.query(
      `CREATE TABLE ${this.#rivals} (${ROW_NUMBER} BIGINT UNSIGNED NOT NULL, finding SMALLINT UNSIGNED NOT NULL,
       first_row BIGINT UNSIGNED NOT NULL, PRIMARY KEY (${ROW_NUMBER}, finding)) ENGINE=InnoDB`,
    );
    for (const { finding, columns } of this.#constraints) {
      const leaders = await this.#leaders(finding, columns);
      if (leaders > 0) this.groups += await this.#followers(finding, columns);
    }
  }

  /** The first row of each group, by the index alone: usually there is none. */
  #leaders(finding: number, columns: readonly number[]): Promise<number> {
    const names = columns.map((index) => columnAt(this.#table, index));
    return this.statements.inParts(
      `INSERT INTO ${this.#rivals} (${ROW_NUMBER}, finding, first_row)
       SELECT MIN(${ROW_NUMBER}), ${finding}, MIN(${ROW_NUMBER}) FROM ${escapeId(this.#stage)}
       WHERE ${names.map((name) => `${name} IS NOT NULL`).join(" AND ")} GROUP BY ${names.join(", ")}
       HAVING COUNT(*) > 1 AND MIN(${ROW_NUMBER}) BETWEEN ? AND ?`,
    );
  }

  #followers(finding: number, columns: readonly number[]): Promise<number> {
    const stage = escapeId(this.#stage);
    return this.statements.inParts(
      `INSERT INTO ${this.#rivals} (${ROW_NUMBER}, finding, first_row)
       SELECT s.${ROW_NUMBER}, ${finding}, g.first_row FROM ${this.#rivals} g
       STRAIGHT_JOIN ${stage} f ON f.${ROW_NUMBER} = g.first_row
       STRAIGHT_JOIN ${stage} s ON ${sameIn(this.#table, columns, "f", "s")} AND s.${ROW_NUMBER} > f.${ROW_NUMBER}
       WHERE g.finding = ${finding} AND g.${ROW_NUMBER} = g.first_row AND s.${ROW_NUMBER} BETWEEN ? AND ?`,
    );
  }

  /** Writes a verdict for each row of which another row has the key or a value. @param step is called for each page */
  async decide(step: () => void): Promise<void> {
    const winners = new Map(this.#constraints.map(({ finding }) => [finding, new RowMap()]));
    this.others = new RowMap();
    let open: Rival[] = [];
    let verdicts: Verdict[] = [];
    for (let last = 0; ; ) {
      step();
      const page = await this.#page(last);
      for (const rival of page) {
        if (open[0] && open[0].row !== rival.row) {
          verdicts.push(...this.#judged(open, winners));
          open = [];
        }
        open.push(rival);
      }
      const isEnd = page.length < RIVALS_PER_PAGE;
      if (isEnd) verdicts.push(...this.#judged(open, winners));
      await addVerdicts(this.connection, this.#stage, verdicts);
      verdicts = [];
      if (isEnd) return;
      // The rivals of the last row may go on in the next page: read all of them there.
      last = (open[0]?.row ?? 1) - 1;
      open = [];
    }
  }

  /** The verdicts on a row. Notes what it takes if it wins. */
  #judged(row: readonly Rival[], winners: ReadonlyMap<number, RowMap>): Verdict[] {
    const [rival] = row;
    if (!rival || rival.verdict === UNCHANGED) return []; // the stored row holds its key and values
    const keyHolder = winners
      .get(keyCode(this.#table))
      ?.get(row.find((each) => each.finding === keyCode(this.#table))?.group ?? -1);
    const verdicts: Verdict[] = [];
    for (const { finding, group } of row) {
      const other = winners.get(finding)?.get(group);
      if (other === undefined) continue;
      // A value that belongs to the row with the same key is no fault of its own.
      if (finding !== keyCode(this.#table) && other === keyHolder) continue;
      verdicts.push({ row: rival.row, finding, other });
      this.others.set(other, 0);
    }
    if (verdicts.length === 0 && rival.verdict === null) {
      for (const { finding, group } of row) winners.get(finding)?.set(group, rival.row);
    }
    return verdicts;
  }

  async #page(after: number): Promise<Rival[]> {
    const [rows] = await this.connection.query<RowDataPacket[]>(
      `SELECT r.${ROW_NUMBER} AS \`row\`, r.finding, r.first_row AS \`group\`,
         (SELECT MAX(v.finding) FROM ${escapeId(verdictsName(this.#stage))} v WHERE v.${ROW_NUMBER} = r.${ROW_NUMBER}) AS verdict
       FROM ${this.#rivals} r WHERE r.${ROW_NUMBER} > ? ORDER BY r.${ROW_NUMBER}, r.finding LIMIT ${RIVALS_PER_PAGE}`,
      [after],
    );
    return rows.map(({ row, finding, group, verdict }) => ({
      row: Number(row),
      finding,
      group: Number(group),
      verdict,
    }));
  }
}

/** Judges the staged rows of a table on the server, and logs those that are rejected. Their files are read again for it. */
import { keyIn, keyText } from "../codecs/key-text.ts";
import { duplicateId, duplicateValue, unknownReference } from "../codecs/reasons.ts";
import type { Row, Table } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";
import { interruptible } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { referredText, storedHolders, storedUnder } from "../publish/faulty-rows.ts";
import { judgeStage, removeJudged } from "../publish/judge-stage.ts";
import type { RowMap } from "../publish/row-map.ts";
import { stageName } from "../publish/stage.ts";
import { countVerdicts, findingsOf, UNCHANGED, type Verdict, verdictsOn } from "../publish/stage-verdicts.ts";
import type { KeyRange } from "../repositories/key-sql.ts";
import { noRows } from "../repositories/run-log.ts";
import type { Import } from "./import-state.ts";
import { Places } from "./places.ts";
import { assignsIds, filesOf } from "./provisional-ids.ts";
import { isPastKept } from "./reject-limit.ts";
import { RejectedRows } from "./rejected-rows.ts";

/** Removes the rows from the stage that are not to be stored, and counts them. */
export async function judgeStaged(state: Import, table: Table): Promise<void> {
  const { database, run, source, stages, report } = state;
  const counts = state.counts[table.name] ?? noRows();
  const stage = stageName(run.id, table);
  const judged = { table, stage, assignsIds: assignsIds(source, table), parentStages: stages.parents() };
  const step = () => {
    report.signal?.throwIfAborted();
    report.progress?.({ table: table.name, phase: `judging ${counts.inserted} rows`, rows: 0 });
  };
  const found = await interruptible(database, run.connection, report.signal, async () => {
    const others = await judgeStage(run.connection, judged, step);
    return { others, ...(await countVerdicts(run.connection, stage)) };
  });
  counts.inserted -= found.unchanged + found.rejected;
  counts.unchanged += found.unchanged;
  counts.rejected += found.rejected;
  if (found.rejected > 0 && !isPastKept(state, Object.values(state.counts)))
    await logRejected(state, table, stage, found.others);
  debugPoint("stage judged");
  if (found.unchanged + found.rejected > 0)
    await interruptible(database, run.connection, report.signal, () =>
      removeJudged(run.connection, judged, counts.inserted === 0),
    );
}

async function logRejected(state: Import, table: Table, stage: string, others: RowMap): Promise<void> {
  const { run, source, report } = state;
  const rejected = new RejectedRows(state, table);
  const reasons = new Reasons(state, table, stage, new Places(others));
  let last = 0;
  for (const file of filesOf(source, table)) {
    for await (const rows of file.rows(() => report.signal?.throwIfAborted())) {
      report.signal?.throwIfAborted();
      const range = { first: last + 1, last: last + rows.length };
      last = range.last;
      const verdicts = Map.groupBy(await verdictsOn(run.connection, stage, range), ({ row }) => row);
      const holders = await reasons.holdersIn(range, [...verdicts.values()].flat());
      for (const [index, row] of rows.entries()) {
        const number = range.first + index;
        if (row.reasons.length > 0) continue;
        reasons.places.add(number, file.name, row.position);
        const wrong = (verdicts.get(number) ?? []).filter(({ finding }) => finding !== UNCHANGED);
        if (wrong.length === 0) continue;
        const why = wrong.map((verdict) => reasons.of(verdict, row.values as Row, holders));
        const rejection = await rejected.add(file.name, row, why);
        report.rejected?.(rejection);
      }
      await rejected.writeMany();
    }
  }
  await rejected.write();
}

/** Where the stored rows are that have the unique values of staged rows: by the finding, and by the staged row's number. */
type Holders = ReadonlyMap<number, ReadonlyMap<number, string>>;

class Reasons {
  readonly #findings;

  constructor(
    private readonly state: Import,
    private readonly table: Table,
    private readonly stage: string,
    readonly places: Places,
  ) {
    this.#findings = findingsOf(table);
  }

  async holdersIn(range: KeyRange, verdicts: readonly Verdict[]): Promise<Holders> {
    const { table, stage } = this;
    const holders = new Map<number, Map<number, string>>();
    for (const code of new Set(verdicts.map(({ finding }) => finding))) {
      const finding = this.#findings[code];
      if (finding?.is !== "taken value") continue;
      const found = await storedHolders(this.state.run.connection, table, stage, finding.unique, range);
      holders.set(code, new Map([...found].map(([row, key]) => [row, storedUnder(table, key)])));
    }
    return holders;
  }

  of({ row, finding: code, other }: Verdict, values: Row, holders: Holders): Reason {
    const { table } = this;
    const finding = this.#findings[code];
    if (finding?.is === "orphan")
      return unknownReference(table, finding.reference, referredText(table, finding.reference, values));
    if (finding?.is === "taken key") return duplicateId(table, keyText(table, keyIn(table, values)));
    if (finding?.is !== "taken value") throw new Error(`a row of ${table.name} has an unknown verdict: ${code}`);
    const where = other === null ? (holders.get(code)?.get(row) ?? "stored") : this.places.of(other);
    return duplicateValue(table, finding.unique, where);
  }
}

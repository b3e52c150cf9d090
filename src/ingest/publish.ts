import { type Row, sameRow, type Table } from "../codecs/tables.ts";
import { interruptible } from "../db/interruptible.ts";
import type { Counts, Reason } from "../db/ledger.ts";
import { DEADLOCK, retried } from "../db/transaction.ts";
import { type LateVerdicts, publishByAppend } from "../repositories/bulk.ts";
import { isEmpty } from "../repositories/definition.ts";
import { passGates } from "../repositories/gates.ts";
import { addRejections, type NewRejection, supersede } from "../repositories/rejections.ts";
import { endRun, noRows, recordCounts } from "../repositories/runs.ts";
import { stageName } from "../repositories/stage.ts";
import { addIndexes } from "../repositories/stage-keys.ts";
import { publishBySwap } from "../repositories/swap.ts";
import { swapVerdict } from "../repositories/swappable.ts";
import type { Import } from "./import-state.ts";

/**
 * Moves every stage into its table, parents first, under the table's gate: by a swap where that can be, else in one
 * transaction. The table's counts and late rejections are written with it, and with the last one the run's end.
 */
export async function publish(state: Import, part: readonly Table[]): Promise<void> {
  const { report, counts } = state;
  const published: Import["counts"] = {};
  for (const table of part) {
    const step = { table, stage: stageName(state.run.id, table), before: published, last: table === part.at(-1) };
    published[table.name] = await interruptible(
      state.database,
      state.run.connection,
      report.signal,
      async () => (await publishAsStage(state, step)) ?? (await retried([DEADLOCK], () => publishInto(state, step))),
    );
  }
  Object.assign(counts, published);
}

interface Step {
  table: Table;
  stage: string;
  /** The counts of the tables that are published already. */
  before: Import["counts"];
  last: boolean;
}

/** By swap; undefined, with nothing changed, where that cannot be. */
async function publishAsStage(state: Import, { table, stage, before, last }: Step): Promise<Counts | undefined> {
  const { database, run, report } = state;
  const empty = () => isEmpty(run.connection, table.name);
  if (!(await empty())) return undefined;
  const verdict = await swapVerdict(database, run.connection, table, stage);
  if (!verdict.swaps) {
    if (verdict.why) report.say(`${table.name} is filled by INSERT: ${verdict.why}`);
    return undefined;
  }
  tell(state, table, "adding the indexes of");
  await addIndexes(run.connection, table, stage);
  tell(state, table, "swapping in");
  const counts = state.counts[table.name] ?? noRows();
  const judge = async () => ((await empty()) ? counts : undefined);
  const { say, signal } = report;
  const wait = waiting(report);
  return publishBySwap(database, run, { table, stage, last, counts: before, judge, wait, say, signal });
}

/** What a publish does now; how far it has come is the server's secret. */
function tell({ report, counts }: Import, table: Table, what: string): void {
  const rows = counts[table.name]?.inserted ?? 0;
  if (rows > 0) report.progress?.({ table: table.name, phase: `publishing: ${what} ${rows} rows`, rows: 0 });
}

const waiting = (report: Import["report"]) => (name: string) => {
  report.signal?.throwIfAborted();
  report.say(`waiting for another writer of ${name}`);
};

/** By one transaction, into a table that may have rows. */
async function publishInto(state: Import, { table, stage, before, last }: Step): Promise<Counts> {
  const { run, source, report } = state;
  tell(state, table, "inserting");
  return await run.db.transaction(async (transaction) => {
    const gates = { alone: [table.name], shared: table.references.map((reference) => reference.table) };
    await passGates(run.connection, gates, waiting(report));
    const { inserted, late } = await publishByAppend(run.connection, table, stage);
    const { refused, repeated } = await lateRejections(state, table, late);
    await supersede(transaction, { run: run.id, source: source.name, tables: [table.name] });
    await addRejections(transaction, run.id, refused);
    const judged = state.counts[table.name] ?? noRows();
    const unchanged = judged.unchanged + late.unchanged - repeated;
    const counts = { ...judged, inserted, unchanged, rejected: judged.rejected + refused.length };
    const published = { ...before, [table.name]: counts };
    if (last) await endRun(transaction, run.id, { status: "succeeded", counts: published });
    else await recordCounts(transaction, run.id, published);
    return counts;
  });
}

/**
 * Rows that other writers made wrong after they were judged: their files are read again for their lines.
 * @returns `repeated`: how many of them are the same row once more, which was judged unchanged
 */
async function lateRejections(
  state: Import,
  table: Table,
  late: LateVerdicts,
): Promise<{ refused: NewRejection[]; repeated: number }> {
  const wanted = new Map<number, { row: Row; reasons: Reason[] }>();
  const field = table.columns[table.key]?.name ?? "";
  for (const row of late.duplicates) {
    const id = row[table.key] as number;
    wanted.set(id, {
      row,
      reasons: [{ code: "duplicate_id", field, detail: `id ${id} is taken by a row with other values` }],
    });
  }
  for (const { row, column } of late.orphans) {
    const id = row[table.key] as number;
    const entry = wanted.get(id) ?? { row, reasons: [] };
    const parent = table.references.find((reference) => reference.column === column)?.table;
    const detail = `${parent} has no id ${row[column]}`;
    entry.reasons.push({ code: "unknown_reference", field: table.columns[column]?.name ?? "", detail });
    wanted.set(id, entry);
  }
  const refused: NewRejection[] = [];
  const found = new Set<number>();
  for (const file of state.source.files.filter((each) => each.table === table.name)) {
    if (wanted.size === 0) break;
    for await (const rows of file.rows(() => state.report.signal?.throwIfAborted())) {
      state.report.signal?.throwIfAborted();
      for (const row of rows) {
        const { values, position, columns } = row;
        const id = values[table.key] as number;
        const entry = wanted.get(id);
        if (!entry || !sameRow(entry.row, values)) continue;
        const of = { table: table.name, file: file.name, position, ...(columns && { columns }) };
        refused.push({ ...of, raw: row.raw, reasons: entry.reasons });
        found.add(id);
      }
    }
  }
  const lost = wanted.size - found.size;
  if (lost > 0) throw new Error(`${table.name}: ${lost} rows are not in their files any more`);
  return { refused, repeated: refused.length - found.size };
}

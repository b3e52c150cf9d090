/** Any number of rejections replayed in batches, each a transaction and a run of its own (design section 3). */
import { isBlank } from "../codecs/codec.ts";
import { isTableName, type Table, type TableName, tableOf, tables } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { type CorrectedFile, openCorrected } from "../read/mended-file.ts";
import type { Mended } from "../read/mended-lines.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import { countOpen, pageOfOpen, standingOf } from "../repositories/open-rejections.ts";
import { findRun } from "../repositories/run-log.ts";
import { Batches, Named, type ReplayOptions, type ReplayOutcome, type ReplayReport } from "./replay-batches.ts";

/**
 * Replays the rejections that are open now, of all runs or of one, as they came; parents' tables first. Those that the
 * replay itself makes are left alone, and so are those whose raw input was cut.
 * @throws MusterError `invalid` for a run that is none or has not ended; whole batches stay done whatever is thrown
 */
export async function replayOpen(
  database: Database,
  { run, msMax, report }: ReplayOptions & { run: string | undefined },
): Promise<ReplayOutcome> {
  if (run !== undefined) await assertEnded(database, run);
  const open = await countOpen(database.db, run);
  const batches = new Batches(database, run === undefined ? "open rejections" : `run ${run}`, { msMax, report });
  const cut = new Named();
  for (const table of tables) {
    const { rows: of = 0, last: upTo = 0 } = open.find((each) => each.table === table.name) ?? {};
    let rows = 0;
    for (let after = 0; after < upTo; ) {
      const page = { table: table.name, run, after, upTo, limit: ROWS_PER_REQUEST_MAX };
      const rejections = await pageOfOpen(database.db, page);
      after = rejections.at(-1)?.id ?? upTo;
      for (const { id, bytes, cutAt } of rejections) {
        if (cutAt === null) await batches.add({ id }, bytes);
        else cut.add(`${id}`);
      }
      rows += rejections.length;
      report.progress?.({ table: table.name, phase: "replaying", rows, of });
    }
    await batches.flush();
  }
  sayCut(report, cut);
  return batches.outcome;
}

/**
 * Replays the rejections of a corrected file with the rows or texts that it gives them; parents' tables first. The whole
 * file is checked before the first row is judged. Rejections that are not open any more are left out and told.
 * @throws MusterError `invalid` for a file with a line that cannot be used or a rejection that is none: nothing is done
 */
export async function replayFile(
  database: Database,
  { file: location, msMax, report }: ReplayOptions & { file: string },
): Promise<ReplayOutcome> {
  const file = await openCorrected(location);
  const chosen = await check(database, file, report);
  const batches = new Batches(database, file.name, { msMax, report });
  for (const table of tables) await replayPart(file, table, chosen, { batches, report });
  return batches.outcome;
}

/** Rejections of one table, as the file has them. */
async function replayPart(
  file: CorrectedFile,
  table: Table,
  chosen: ReadonlyMap<number, TableName>,
  { batches, report }: { batches: Batches; report: ReplayReport },
): Promise<void> {
  let of = 0;
  for (const name of chosen.values()) if (name === table.name) of++;
  if (of === 0) return;
  let rows = 0;
  for await (const lines of file.lines()) {
    for (const { mended, fault } of lines) {
      if (fault !== undefined) throw new MusterError("conflict", "the file changed while it was replayed");
      if (chosen.get(mended.id) !== table.name) continue;
      await batches.add(mended);
      rows++;
    }
    report.progress?.({ table: table.name, phase: "replaying", rows, of });
  }
  await batches.flush();
}

/** Reads the whole file. Returns the table of each rejection that it gives and that can be replayed. */
async function check(
  database: Database,
  file: CorrectedFile,
  report: ReplayReport,
): Promise<ReadonlyMap<number, TableName>> {
  const chosen = new Map<number, TableName>();
  const seen = new Set<number>();
  const [faults, unknown, closed, cut] = [new Named(), new Named(), new Named(), new Named()];
  for await (const lines of file.lines(report.say)) {
    report.signal?.throwIfAborted();
    const found: Mended[] = [];
    for (const { line, mended, fault } of lines) {
      if (fault !== undefined) faults.add(`line ${line} ${fault}`);
      else if (seen.has(mended.id)) faults.add(`line ${line} gives rejection ${mended.id} again`);
      else found.push(mended);
      if (mended) seen.add(mended.id);
    }
    for (let start = 0; start < found.length; start += ROWS_PER_REQUEST_MAX) {
      const page = found.slice(start, start + ROWS_PER_REQUEST_MAX);
      const standings = await standingOf(
        database.db,
        page.map(({ id }) => id),
      );
      for (const mended of page) {
        const standing = standings.get(mended.id);
        if (!standing || !isTableName(standing.table)) unknown.add(`${mended.id}`);
        else if (standing.state !== "open") closed.add(`${mended.id} (${standing.state})`);
        else if (isStillCut(mended, standing.cutAt)) cut.add(`${mended.id}`);
        else if (faultOf(tableOf(standing.table), mended)) faults.add(`${faultOf(tableOf(standing.table), mended)}`);
        else chosen.set(mended.id, standing.table);
      }
    }
    report.progress?.({ table: "the file", phase: "checking", rows: seen.size });
  }
  if (faults.count > 0) throw refused(file, `cannot be used: ${faults}`);
  if (unknown.count > 0) throw refused(file, `names rejections that do not exist: ${unknown}`);
  if (closed.count > 0) report.say(`left out ${closed.count} that are not open any more: ${closed}`);
  sayCut(report, cut);
  return chosen;
}

const refused = (file: CorrectedFile, problem: string) =>
  new MusterError("invalid", `${file.name} ${problem}; nothing was replayed`);

/** Why the cells of a sheet are no row of the table. */
function faultOf({ name, columns }: Table, { id, cells }: Mended): string | undefined {
  if (!cells) return undefined;
  const missing = columns.find((column) => !cells.has(column.name));
  if (missing) return `rejection ${id} is of ${name}, and there is no column ${missing.name}`;
  const isEmpty = columns.every((column) => isBlank(cells.get(column.name) ?? ""));
  return isEmpty ? `rejection ${id} has all fields blank: fill them in, or remove its line` : undefined;
}

/** Whether a text ends where the log cut it, mended before that or not: what followed is lost. */
function isStillCut({ row, raw, cells }: Mended, cutAt: Buffer | null): boolean {
  if (cutAt === null || row !== undefined || cells) return false;
  return raw === undefined || Buffer.from(raw).subarray(-cutAt.length).equals(cutAt);
}

function sayCut(report: ReplayReport, cut: Named): void {
  if (cut.count === 0) return;
  const mend = 'give them whole as {"id": ..., "row": {...}} in an .ndjson file';
  report.say(`left out ${cut.count} of which the log keeps the first ${RAW_BYTES_MAX} bytes alone: ${cut}; ${mend}`);
}

async function assertEnded(database: Database, id: string): Promise<void> {
  const run = await findRun(database.db, id);
  if (!run) throw new MusterError("invalid", `there is no run ${id}: GET /runs lists them`);
  if (run.finished_at === null) throw new MusterError("invalid", `the run ${id} has not ended: replay it afterwards`);
}

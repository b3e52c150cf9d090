/** A corrected file replayed: it is read once and checked whole before the first batch. */
import { isBlank } from "../codecs/codec.ts";
import { isTableName, type Table, type TableName, tableOf, tables } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import type { Correction, CorrectionLine } from "../read/corrected-file.ts";
import { type CorrectedFile, openCorrected } from "../read/corrected-file.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import { NamelessFile } from "../read/spool.ts";
import { type Standing, standingOf } from "../repositories/open-rejections.ts";
import { IdSet } from "./id-set.ts";
import { Batch, Named, ReplayBatches, type ReplayOptions, type ReplayOutcome, sayCut } from "./replay-batches.ts";

/**
 * Replays the rejections of a corrected file with the rows or texts that it gives them; parents' tables first. Rejections
 * that are not open any more are left out and told.
 * @throws MusterError `invalid` if a line cannot be used or names a rejection that does not exist: nothing is replayed
 */
export async function replayFile(
  database: Database,
  { file: location, msMax, report }: ReplayOptions & { file: string },
): Promise<ReplayOutcome> {
  const file = await openCorrected(location);
  await using checked = new CheckedFile(database, file, report, await NamelessFile.create());
  await checked.read();
  const batches = new ReplayBatches(database, file.name, { msMax, report });
  for (const { name } of tables) {
    const { spooled = [], rows: of = 0 } = checked.parts.get(name) ?? {};
    let rows = 0;
    for (const part of spooled) {
      const text = Buffer.concat(await Array.fromAsync(checked.spool.chunks(part))).toString();
      const corrections = JSON.parse(text) as Correction[];
      await batches.replay(corrections);
      rows += corrections.length;
      report.progress?.({ table: name, phase: "replaying", rows, of });
    }
  }
  return batches.outcome;
}

/** The corrections of one table. */
interface Part {
  rows: number;
  batch: Batch;
  /** Where full batches lie in the spool. */
  spooled: { offset: number; bytes: number }[];
}

/** The corrections of a file that can be replayed. Until all lines are checked they wait in a spool, as JSON. */
class CheckedFile implements AsyncDisposable {
  readonly parts = new Map<TableName, Part>();
  readonly #seen = new IdSet();
  readonly #faults = new Named();
  readonly #unknown = new Named();
  readonly #closed = new Named();
  readonly #cut = new Named();
  #lines = 0;

  constructor(
    private readonly database: Database,
    private readonly file: CorrectedFile,
    private readonly report: ReplayOptions["report"],
    readonly spool: NamelessFile,
  ) {}

  async read(): Promise<void> {
    const { file, report } = this;
    for await (const lines of file.lines(report.say)) {
      report.signal?.throwIfAborted();
      const corrections = lines.flatMap((line) => this.#once(line) ?? []);
      for (let start = 0; start < corrections.length; start += ROWS_PER_REQUEST_MAX) {
        await this.#check(corrections.slice(start, start + ROWS_PER_REQUEST_MAX));
      }
      report.progress?.({ table: "the file", phase: "checking", rows: this.#lines });
    }
    if (this.#faults.count > 0) throw refused(file, `cannot be used: ${this.#faults}`);
    if (this.#unknown.count > 0) throw refused(file, `names rejections that do not exist: ${this.#unknown}`);
    for (const part of this.parts.values()) await this.#spool(part);
    const { count } = this.#closed;
    if (count > 0) report.say(`left out ${count} that are not open any more: ${this.#closed}`);
    sayCut(report, this.#cut);
  }

  /** The correction of a line, unless the line is at fault. */
  #once({ line, correction, fault }: CorrectionLine): Correction | undefined {
    const problem = fault ?? (this.#seen.has(correction.id) && `gives rejection ${correction.id} again`);
    this.#lines++;
    if (correction) this.#seen.add(correction.id);
    if (problem) this.#faults.add(`line ${line} ${problem}`);
    return problem ? undefined : correction;
  }

  async #check(corrections: readonly Correction[]): Promise<void> {
    const ids = corrections.map(({ id }) => id);
    const standings = await standingOf(this.database.db, ids);
    for (const correction of corrections) await this.#sort(correction, standings.get(correction.id));
  }

  async #sort(correction: Correction, standing: Standing | undefined): Promise<void> {
    const { id } = correction;
    if (!standing || !isTableName(standing.table)) return this.#unknown.add(`${id}`);
    if (standing.state !== "open") return this.#closed.add(`${id} (${standing.state})`);
    if (isStillCut(correction, standing.cutAt)) return this.#cut.add(`${id}`);
    const fault = faultOf(tableOf(standing.table), correction);
    if (fault) return this.#faults.add(fault);
    const part = this.parts.get(standing.table) ?? { rows: 0, batch: new Batch(), spooled: [] };
    this.parts.set(standing.table, part);
    part.rows++;
    part.batch.add(correction, bytesOf(correction, standing));
    if (part.batch.isFull) await this.#spool(part);
  }

  async #spool({ batch, spooled }: Part): Promise<void> {
    spooled.push(await this.spool.append(Buffer.from(JSON.stringify(batch.take()))));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.spool.close();
  }
}

const refused = (file: CorrectedFile, problem: string) =>
  new MusterError("invalid", `${file.name} ${problem}; nothing was replayed`);

/** Why the cells of a sheet cannot be a row of the table. */
function faultOf({ name, columns }: Table, { id, cells }: Correction): string | undefined {
  if (!cells) return undefined;
  const missing = columns.find((column) => !Object.hasOwn(cells, column.name));
  if (missing) return `rejection ${id} is of ${name}, and there is no column ${missing.name}`;
  const isEmpty = columns.every((column) => isBlank(cells[column.name] ?? ""));
  return isEmpty ? `rejection ${id} has all fields blank: fill them in, or remove its line` : undefined;
}

/** Whether a text ends where the log cut the row, corrected or not: what followed is lost. */
function isStillCut({ row, raw, cells }: Correction, cutAt: Buffer | null): boolean {
  if (cutAt === null || row !== undefined || cells) return false;
  return raw === undefined || Buffer.from(raw).subarray(-cutAt.length).equals(cutAt);
}

function bytesOf({ row, raw, cells }: Correction, { bytes }: Standing): number {
  if (cells) return Object.values(cells).reduce((sum, cell) => sum + cell.length, 0);
  return (row ?? raw)?.length ?? bytes;
}

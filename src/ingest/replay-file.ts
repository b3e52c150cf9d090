/** Replays a corrected file. The file is read once, and all of it is checked before the first batch. */
import { isBlank } from "../codecs/codec.ts";
import type { Table, TableName } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { type CorrectedFile, type Correction, openCorrected } from "../read/corrections/corrected-file.ts";
import { NamelessFile } from "../read/sources/spool.ts";
import { inParts } from "../repositories/inserts.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { type Standing, standingOf } from "../repositories/open-rejections.ts";
import { IdSet } from "./id-set.ts";
import {
  BATCH,
  FirstFew,
  notOpen,
  ReplayBatches,
  type ReplayOptions,
  type ReplayOutcome,
  sayCut,
} from "./replay-batches.ts";

/**
 * Replays the rejections of a corrected file with the rows or texts that it gives them; parents' tables first. Rejections
 * that are not open any more are left out, and the report says so.
 * @throws MusterError `invalid` if a line cannot be used or names a rejection that does not exist: nothing is replayed
 */
export async function replayFile(
  database: MusterDatabase,
  { file: location, msMax, report }: ReplayOptions & { file: string },
): Promise<ReplayOutcome> {
  const file = await openCorrected(location);
  await using spool = await NamelessFile.create();
  const parts = await new Check(database, file, report).into(spool);
  const batches = new ReplayBatches(database, file.name, { msMax, report });
  for (const name of database.dictionary.names) {
    const ours = parts.filter(({ table }) => table === name);
    const of = ours.reduce((sum, part) => sum + part.rows, 0);
    let rows = 0;
    for (const part of ours) {
      const text = Buffer.concat(await Array.fromAsync(spool.chunks(part))).toString();
      await batches.replay(JSON.parse(text) as Correction[]);
      rows += part.rows;
      report.progress?.({ table: name, phase: "replaying", rows, of });
    }
  }
  return batches.outcome;
}

/** Where the corrections of one batch lie in the spool, as JSON. */
interface Part {
  table: TableName;
  rows: number;
  offset: number;
  bytes: number;
}

/** Checks all lines of a file. Corrections that can be replayed are kept in a spool until every line is known to be right. */
class Check {
  readonly #seen = new IdSet();
  readonly #faults = new FirstFew();
  readonly #unknown = new FirstFew();
  readonly #closed = new FirstFew();
  readonly #cut = new FirstFew();

  constructor(
    private readonly database: MusterDatabase,
    private readonly file: CorrectedFile,
    private readonly report: ReplayOptions["report"],
  ) {}

  async into(spool: NamelessFile): Promise<Part[]> {
    const { file, report } = this;
    const parts: Part[] = [];
    for await (const page of this.#pages()) {
      const standings = await standingOf(
        this.database.db,
        page.map(({ id }) => id),
      );
      const bytesOf = (correction: Correction) => bytesNeeded(correction, standings.get(correction.id)?.bytes ?? 0);
      const good = page.filter((correction) => this.#isGood(correction, standings.get(correction.id)));
      for (const table of this.database.dictionary.names) {
        const ours = good.filter(({ id }) => standings.get(id)?.table === table);
        for (const part of inParts(ours, bytesOf, BATCH)) {
          const place = await spool.append(Buffer.from(JSON.stringify(part)));
          parts.push({ table, rows: part.length, ...place });
        }
      }
    }
    if (this.#faults.count > 0) throw refused(file, `cannot be used: ${this.#faults}`);
    if (this.#unknown.count > 0) throw refused(file, `names rejections that do not exist: ${this.#unknown}`);
    const { count } = this.#closed;
    if (count > 0) report.say(`left out ${notOpen(count)}: ${this.#closed}`);
    sayCut(report, this.#cut);
    return parts;
  }

  /** The corrections of the file in pages, each as large as a batch. */
  async *#pages(): AsyncGenerator<Correction[]> {
    let page: Correction[] = [];
    let bytes = 0;
    let rows = 0;
    for await (const lines of this.file.lines(this.report.say)) {
      this.report.signal?.throwIfAborted();
      for (const { line, correction, fault } of lines) {
        const isRepeated = correction && this.#seen.has(correction.id);
        if (fault) this.#faults.add(`line ${line} ${fault}`);
        else if (isRepeated) this.#faults.add(`line ${line} gives rejection ${correction.id} again`);
        rows++;
        if (!correction || isRepeated) continue;
        this.#seen.add(correction.id);
        page.push(correction);
        bytes += bytesNeeded(correction, 0);
        if (page.length < BATCH.rowsMax && bytes < BATCH.bytesMax) continue;
        yield page;
        page = [];
        bytes = 0;
      }
      this.report.progress?.({ table: "the file", phase: "checking", rows });
    }
    if (page.length > 0) yield page;
  }

  /** Whether a correction can be replayed. If not, it notes the reason. */
  #isGood(correction: Correction, standing: Standing | undefined): boolean {
    const { id } = correction;
    const { dictionary } = this.database;
    const fault = standing && dictionary.has(standing.table) && faultOf(dictionary.of(standing.table), correction);
    if (!standing || !dictionary.has(standing.table)) this.#unknown.add(`${id}`);
    else if (standing.state !== "open") this.#closed.add(`${id} (${standing.state})`);
    else if (isStillCut(correction, standing.cutAt)) this.#cut.add(`${id}`);
    else if (fault) this.#faults.add(fault);
    else return true;
    return false;
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

/** Whether a correction, or the input replayed as it came, ends where the log cut the row. If so, its rest is lost. */
function isStillCut({ row, raw, cells }: Correction, cutAt: Buffer | null): boolean {
  if (cutAt === null || row !== undefined || cells) return false;
  return raw === undefined || Buffer.from(raw).subarray(-cutAt.length).equals(cutAt);
}

/** @param stored the bytes of the stored input. They count if the row is replayed as it came */
function bytesNeeded({ row, raw, cells }: Correction, stored: number): number {
  if (cells) return Object.values(cells).reduce((sum, cell) => sum + cell.length, 0);
  return (row ?? raw)?.length ?? stored;
}

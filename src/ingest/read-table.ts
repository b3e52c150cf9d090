import type { Row, Table } from "../codecs/tables.ts";
import type { FileRow } from "../read/file-row.ts";
import { ContentDigest, etagDigest } from "../read/sources/file-digest.ts";
import type { SourceFile } from "../read/sources/source.ts";
import { type LoggedFile, noteFiles } from "../repositories/file-log.ts";
import { noRows } from "../repositories/run-log.ts";
import type { Import } from "./import-state.ts";
import { judge } from "./judge.ts";
import { assignsIds, filesOf } from "./provisional-ids.ts";
import { isPastKept } from "./reject-limit.ts";
import { RejectedRows } from "./rejected-rows.ts";
import { judgeStaged } from "./server-verdicts.ts";
import { stageNumbered } from "./stage-numbered.ts";

/**
 * Garbage is collected after this many rows. Bun alone waits until the process has 270 MB, because rows that are on their way
 * to the server are taken for lasting ones. With this number it stays below 240 MB, and an import takes no longer.
 */
const ROWS_PER_COLLECTION = 250_000;

/**
 * Reads a table's files: new rows go to its stage, rejected rows and the files to their logs, and all rows are counted. Ends
 * early if more rows are rejected than are kept. If the server judges the rows, it does so when all are staged.
 */
export async function readTable(state: Import, table: Table): Promise<void> {
  const { stages, source, report, read } = state;
  state.counts[table.name] = noRows();
  await stages.open(table, { assignsIds: assignsIds(source, table) });
  const tell = () => report.progress?.({ table: table.name, phase: "reading", ...read });
  const isEnough = () => isPastKept(state, Object.values(state.counts));
  tell();
  const rejected = new RejectedRows(state, table);
  const take = table.judgedAsRead ? judgeBlock : stageNumbered();
  const done: LoggedFile[] = [];
  let rowsSinceCollection = 0;
  // The next block is read while the database answers about this one.
  let judging = Promise.resolve();
  try {
    for (const file of filesOf(source, table)) {
      if (isEnough()) break;
      const digest = digestFor(state, file);
      const onChunk = (chunk: Uint8Array) => {
        // The signal is checked here too: a packed file can unpack to nothing but empty lines for a long time.
        report.signal?.throwIfAborted();
        read.bytes += chunk.length;
        digest?.update(chunk);
      };
      for await (const rows of file.rows(onChunk, report.say)) {
        await judging;
        report.signal?.throwIfAborted();
        if (isEnough()) break;
        read.rows += rows.length;
        tell();
        rowsSinceCollection += rows.length;
        if (rowsSinceCollection >= ROWS_PER_COLLECTION) {
          rowsSinceCollection = 0;
          Bun.gc(true);
        }
        if (rows.length === 0) continue;
        judging = take(state, table, file.name, rows, rejected);
        judging.catch(() => {}); // awaited on the next turn or at the end, and throws there
      }
      if (!isEnough()) done.push(...(await logged(file, digest, () => report.signal?.throwIfAborted())));
    }
  } finally {
    await judging;
  }
  tell();
  await rejected.write();
  await stages.finish(table);
  if (!table.judgedAsRead && !isEnough()) await judgeStaged(state, table);
  if (!state.dryRun) await noteFiles(state.run.db, state.run.id, done);
}

/** The digest to compute while a file is read. The digest of an object is known, and a body has none. */
function digestFor({ dryRun }: Import, { identity }: SourceFile): ContentDigest | undefined {
  return dryRun || identity === undefined || identity.isObject ? undefined : new ContentDigest();
}

/** What is logged about a file that was read; nothing if it could not be known again. */
async function logged(
  file: SourceFile,
  content: ContentDigest | undefined,
  onChunk: () => void,
): Promise<LoggedFile[]> {
  const { table, name: nameInSource, bytes, identity } = file;
  const digest = content ? await content.of(file, onChunk) : identity && etagDigest(identity);
  return identity && digest !== undefined ? [{ table, name: identity.name, nameInSource, bytes, digest }] : [];
}

/** Takes the next rows of a file: stages the good ones, counts all, and hands the others on to `rejected`. */
export type TakeBlock = (
  state: Import,
  table: Table,
  file: string,
  rows: readonly FileRow[],
  rejected: RejectedRows,
) => Promise<void>;

/** Judges a block of rows, stages the new ones and hands the others on to `rejected`. */
const judgeBlock: TakeBlock = async (state, table, file, rows, rejected) => {
  const { stages, report } = state;
  const verdicts = await judge(table, rows, stages);
  const counts = state.counts[table.name] ?? noRows();
  const fresh: Row[] = [];
  // entries() would take five times as long, and every row passes here.
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    const verdict = verdicts[index];
    if (!row || !verdict) throw new Error("a row of the file has no verdict");
    counts.received++;
    if (verdict.is === "new") {
      counts.inserted++;
      fresh.push(row.values as Row);
    } else if (verdict.is === "unchanged") {
      counts.unchanged++;
    } else {
      counts.rejected++;
      const rejection = await rejected.add(file, row, verdict.reasons);
      report.rejected?.(rejection);
    }
  }
  await stages.stage(table, fresh);
  await rejected.writeMany();
};

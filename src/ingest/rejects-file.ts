/** The rejections of runs as a file: a sheet that a person corrects, and that `replay FILE` takes back. */
import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { sheetLine, sheetStart } from "../codecs/spreadsheet.ts";
import { MusterError } from "../errors.ts";
import { explainedFile } from "../file-errors.ts";
import { sheetCells, sheetHeader } from "../read/corrections/rejection-sheet.ts";
import { lookAt } from "../read/sources/local-file.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { listRejections, type RejectionRecord } from "../repositories/rejection-log.ts";
import { escaped } from "../shown.ts";

/** How many rejections are read at once. Each may have 64 KiB of raw input. */
const PAGE_ROWS = 100;

/**
 * Checks, before any work is done, that the file can be written.
 * @throws MusterError `invalid` if there is such a file already, or no such folder
 */
export async function assertFree(path: string): Promise<void> {
  const name = escaped(path);
  if (await lookAt(resolve(path), path))
    throw new MusterError("invalid", `${name} exists already: remove it, or give another name to --rejects`);
  const folder = dirname(resolve(path));
  if ((await lookAt(folder, folder))?.is !== "folder")
    throw new MusterError("invalid", `${name} cannot be written, as there is no folder ${escaped(folder)}: make it`);
}

/**
 * Writes the rejections of runs that have ended. The file appears when it is complete and on disk, and only its owner may read
 * it: it has rows of other people's data. Nothing is written if there are no rejections.
 * @returns how many rejections the file has
 * @throws MusterError `unavailable` if the file cannot be written
 */
export async function writeRejects(
  { db, dictionary }: MusterDatabase,
  runs: readonly string[],
  path: string,
): Promise<number> {
  const target = resolve(path);
  // Another command may write to the same file at the same time.
  const draft = `${target}.${Bun.randomUUIDv7().slice(-8)}.part`;
  let rows = 0;
  let file: FileHandle | undefined;
  try {
    for await (const page of pagesOf(db, runs)) {
      if (!file) {
        file = await open(draft, "wx", 0o600);
        await file.write(sheetStart(sheetHeader(dictionary.tables)));
      }
      const cells = await Promise.all(page.map((rejection) => sheetCells(dictionary.tables, rejection)));
      await file.write(cells.map(sheetLine).join(""));
      rows += page.length;
    }
    await file?.sync();
    await file?.close();
    if (file) await putInPlace(draft, target);
    return rows;
  } catch (error) {
    await file?.close().catch(() => {});
    if (file) await rm(draft, { force: true });
    throw explainedFile(error, escaped(path), target);
  }
}

/** Gives the draft its name. A file that has come there meanwhile is not overwritten. */
async function putInPlace(draft: string, target: string): Promise<void> {
  try {
    await link(draft, target);
  } catch (error) {
    // Some file systems have no hard links.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw error;
    return rename(draft, target);
  }
  await rm(draft);
}

async function* pagesOf(db: MySql2Database, runs: readonly string[]): AsyncGenerator<RejectionRecord[]> {
  for (const run of runs) {
    for (let after: number | undefined; ; ) {
      const page = await listRejections(db, { run, after, limit: PAGE_ROWS });
      if (page.length > 0) yield page;
      after = page.at(-1)?.id;
      if (page.length < PAGE_ROWS) break;
    }
  }
}

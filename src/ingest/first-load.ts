/** The first load of an empty database: from IMPORT_SOURCE, or the sample if the tables are those of the sample. */

import { realpath } from "node:fs/promises";
import { called } from "../build.ts";
import { NO_HIRING_TABLES, takesSample } from "../codecs/hiring-tables.ts";
import { openSource } from "../read/sources/source.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { hasRows } from "../repositories/rows.ts";
import { hasImportThat, hasRunThatStored, type Report } from "../repositories/run-log.ts";
import { countsText, whollyRejected } from "./counts.ts";
import { importSource } from "./import.ts";
import { defaultSample, sampleFolder } from "./sample.ts";

/**
 * Loads the source, unless rows have been stored before. A load that was refused, failed or interrupted is repeated at the
 * next start. Says what it does, or why it does not read IMPORT_SOURCE.
 * @param given IMPORT_SOURCE; undefined for the sample
 * @throws MusterError as importSource() does
 */
export async function loadFirst(
  database: MusterDatabase,
  { given, dataFolder }: { given: string | undefined; dataFolder: string },
  report: Report,
): Promise<void> {
  if (await hasRunThatStored(database.db)) {
    if (given !== undefined) report.say(notRead(given, "this database has been loaded before"));
    return;
  }
  const location = given ?? (takesSample(database.dictionary.tables) ? await defaultSample(dataFolder) : undefined);
  if (location === undefined) {
    report.say(`no sample is loaded: ${NO_HIRING_TABLES}; to load your own files, run: ${called("import")} FOLDER`);
    return;
  }
  const source = await openSource({ dictionary: database.dictionary, locations: [location], signal: report.signal });
  const isRepeated = await hasImportThat(database.db, source.name, "failed");
  // Unless an import of this source has failed, the rows in the tables come from elsewhere. Do not mix the source with them.
  if (!isRepeated && (await hasRows(database, database.dictionary.tables))) {
    report.say(notRead(source.name, "the tables have rows already"));
    return;
  }
  report.say(`loading ${source.name}${isRepeated ? " again: its first load did not succeed" : ""}`);
  // The load that failed may have published some tables. Rows without ids would be stored again, under new ids.
  const newOnly = isRepeated && source.files.some(({ recipe }) => recipe?.ids === "database");
  const { tables: counts } = await importSource(database, { source, newOnly, again: newOnly, report });
  report.say(`loaded ${source.name}: ${countsText(counts)}; rejected rows are at /rejections`);
  for (const table of whollyRejected(counts)) report.say(`every row of ${table} was rejected`);
}

/** Whether the sample was loaded. Rows of other files may then have the same ids as rows of the sample. */
export async function hasSample({ db }: MusterDatabase, dataFolder: string): Promise<boolean> {
  const folder = await realpath(sampleFolder(dataFolder)).catch(() => undefined);
  return folder !== undefined && hasImportThat(db, folder, "succeeded");
}

/** Says that IMPORT_SOURCE is not read, and how to import it. */
export function notRead(source: string, why: string): string {
  return `${source} is not imported now, since ${why}; to import it, run: ${called("import")} ${source}`;
}

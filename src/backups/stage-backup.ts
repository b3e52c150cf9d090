/** Reads a backup's files into stages: tables that have the rows as the backup has them. */
import { escapeId } from "mysql2";
import { type Column, hasTextKey, largestNextId, type Row, type Table } from "../codecs/tables.ts";
import { type DriverError, driverError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";
import { alter } from "../publish/ddl.ts";
import type { Replacement } from "../publish/replace.ts";
import { Stage, stageName } from "../publish/stage.ts";
import { columnAt } from "../repositories/key-sql.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import type { Report } from "../repositories/run-log.ts";
import { shown } from "../shown.ts";
import { entryOf } from "./catalog.ts";
import { checkedRows } from "./check.ts";
import type { Manifest } from "./manifest.ts";
import type { BackupStore } from "./store.ts";

/**
 * Reads a table's file into a stage. Columns that the backup lacks, and whose default the server computes, get that default.
 * @throws MusterError as stageTable() does
 */
export async function stageWhole(
  database: MusterDatabase,
  store: BackupStore,
  run: LiveRun,
  manifest: Manifest,
  table: Table,
  report: Report,
): Promise<Replacement> {
  const staged = await stageTable(database, store, run, manifest, carriedBy(manifest, table), report);
  const computed = columnsLeftOut(manifest, table).map(
    ({ name, serverDefault }) => `${escapeId(name)} = ${serverDefault}`,
  );
  if (computed.length > 0) await run.connection.query(`UPDATE ${escapeId(staged.stage)} SET ${computed.join(", ")}`);
  await addReferredKeys(run, table, staged.stage);
  return { ...staged, table };
}

/**
 * Gives a stage keys on the unique columns that other rows refer to. Without them, the search for orphans would take very
 * long.
 */
async function addReferredKeys({ connection }: LiveRun, table: Table, stage: string): Promise<void> {
  const referred = table.referredBy.flatMap(({ references }) => references.filter(({ parent }) => parent === table));
  const lists = referred
    .filter(({ parentColumns }) => parentColumns.some((index, place) => table.key[place] !== index))
    .map(({ parentColumns }) => parentColumns.map((index) => columnAt(table, index)).join(", "));
  const keys = [...new Set(lists)].map((list, index) => `ADD KEY muster_${index} (${list})`);
  await alter(connection, stage, keys);
}

/** The table as the backup carries it: columns that it lacks, and whose default the server computes, are empty. */
export function carriedBy(manifest: Manifest, table: Table): Table {
  const empty = columnsLeftOut(manifest, table);
  if (empty.length === 0) return table;
  const columns = table.columns.map((each) => (empty.includes(each) ? { ...each, nullable: true } : each));
  return { ...table, columns };
}

function columnsLeftOut(manifest: Manifest, table: Table): Column[] {
  const fields = entryOf(manifest, table.name).schema.fields.map(({ name }) => name);
  return table.columns.filter(
    ({ name, aliases, isKey, serverDefault }) =>
      serverDefault !== undefined && !isKey && ![name, ...aliases].some((each) => fields.includes(each)),
  );
}

/**
 * Reads a table's file into a stage of the run.
 * @param table as the backup carries it
 * @param seen is called with the rows before they are staged
 * @throws MusterError `backup_damaged`, or `refused` if rows break the present rules or two keys are equal here
 */
export async function stageTable(
  database: MusterDatabase,
  store: BackupStore,
  run: LiveRun,
  manifest: Manifest,
  table: Table,
  report: Report,
  seen: (rows: readonly Row[]) => void = () => {},
): Promise<Replacement> {
  const { rows: of } = entryOf(manifest, table.name);
  const nextId = nextIdIn(manifest, table);
  const stage = await Stage.create(database, run, table);
  let rows = 0;
  let twice: DriverError | undefined;
  const note = (error: unknown) => {
    const driver = driverError(error);
    if (driver?.code !== "ER_DUP_ENTRY") throw error;
    twice = driver;
  };
  try {
    for await (const block of checkedRows(store, manifest, table, report.signal)) {
      seen(block);
      // If a key comes twice, go on reading without staging: the rest of the file shows whether it is damaged.
      if (!twice) await stage.add(block).catch(note);
      rows += block.length;
      report.progress?.({ table: table.name, phase: "staging", rows, of });
    }
    if (!twice) await stage.finish().catch(note);
    if (twice) throw keyTwice(table, manifest, twice);
  } catch (error) {
    stage.abandon();
    throw error;
  }
  return { table, stage: stageName(run.id, table), rows, bytes: stage.bytes, nextId };
}

/** The smallest id that the table may assign next; 1 if it assigns none. @throws MusterError `backup_damaged` */
function nextIdIn(manifest: Manifest, table: Table): bigint {
  if (table.assigned === undefined) return 1n;
  const nextId = BigInt(entryOf(manifest, table.name).auto_increment ?? 1);
  if (nextId <= largestNextId(table)) return nextId;
  throw new MusterError("backup_damaged", `backup ${manifest.id} has a next id that ${table.name} cannot have`);
}

/** The error for a sound file in which the server finds a key twice. */
function keyTwice(table: Table, { id }: Manifest, { sqlMessage = "" }: DriverError): MusterError {
  const file = `${table.name}.avro of backup ${id}`;
  if (!hasTextKey(table)) return new MusterError("backup_damaged", `${file} has a key twice`);
  const [, value] = /^Duplicate entry '(.*)' for key/s.exec(sqlMessage) ?? [];
  const line = `${file} has two keys that are equal in the collation of this database (${shown(value)})`;
  return new MusterError("refused", `${line}: give the columns of the key the collation that they had there`);
}

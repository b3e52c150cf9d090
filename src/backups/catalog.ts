/** Lists the backups in a store, finds one by its id, and removes the oldest. */
import { called } from "../build.ts";
import type { TableName } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { BACKUP_ID, type Manifest, type ManifestEntry, type Proof, parseManifest, parseProof } from "./manifest.ts";
import { type BackupStore, MANIFEST, PROOF } from "./store.ts";

/**
 * The manifest of a backup.
 * @param id an id, or `latest` for the newest backup that holds these tables
 * @throws MusterError `not_found` if there is none, or if it does not hold the tables; `backup_damaged` if its manifest cannot
 *   be read
 */
export async function findManifest(
  store: BackupStore,
  id: string,
  tables: readonly TableName[] = [],
): Promise<Manifest> {
  const ids = await store.ids();
  if (id !== "latest") {
    // Use the id only if the store lists it, because it becomes part of a path.
    const known = BACKUP_ID.test(id) ? ids.find((each) => each === id) : undefined;
    if (known === undefined)
      throw new MusterError(
        "not_found",
        `there is no backup ${id.slice(0, 80)}: GET /backups and ${called("backup")} --list name those in the store`,
      );
    const manifest = await manifestOf(store, known);
    for (const table of tables) entryOf(manifest, table);
    return manifest;
  }
  for (const each of ids.reverse()) {
    const manifest = await manifestOf(store, each);
    if (tables.every((table) => manifest.tables.some((entry) => entry.table === table))) return manifest;
  }
  const wanted = tables.length === 0 ? "" : ` of ${tables.join(", ")}`;
  throw new MusterError("not_found", `there is no backup${wanted} in the store: make one first`);
}

async function manifestOf(store: BackupStore, id: string): Promise<Manifest> {
  const text = await store.readText(id, MANIFEST);
  if (text === undefined)
    throw new MusterError("backup_damaged", `backup ${id} has no manifest: name another backup by its id`);
  return parseManifest(id, text);
}

/** What the manifest says about a table. @throws MusterError `not_found` if the backup does not hold the table */
export function entryOf(manifest: Manifest, table: TableName): ManifestEntry {
  const entry = manifest.tables.find((each) => each.table === table);
  if (!entry) throw new MusterError("not_found", `backup ${manifest.id} does not hold ${table}`);
  if (entry.file === `${table}.avro`) return entry;
  throw new MusterError("backup_damaged", `the manifest of backup ${manifest.id} names another file for ${table}`);
}

export type ListedBackup = (Manifest & { proof?: Proof }) | { id: string; damaged: true };

/** Backups, newest first: the newest `limit`, or those before the backup `before`. `next` is set if there are older ones. */
export async function pageOfBackups(
  store: BackupStore,
  { limit, before }: { limit: number; before?: string | undefined },
): Promise<{ backups: ListedBackup[]; next: string | undefined }> {
  const ids = (await store.ids()).reverse().filter((id) => before === undefined || id < before);
  const page = ids.slice(0, limit);
  return { backups: await listBackups(store, page), next: ids.length > limit ? page.at(-1) : undefined };
}

/** How many backups are read from the store at the same time. */
const READ_AT_ONCE = 50;

/**
 * The backups with these ids, in the same order. A backup whose manifest cannot be read is listed as damaged.
 * @throws MusterError `unavailable` if the store does not answer
 */
export async function listBackups(store: BackupStore, ids: readonly string[]): Promise<ListedBackup[]> {
  const list = async (id: string) => (await ifSound(provenManifest(store, id))) ?? ({ id, damaged: true } as const);
  const listed: ListedBackup[] = [];
  for (let start = 0; start < ids.length; start += READ_AT_ONCE) {
    listed.push(...(await Promise.all(ids.slice(start, start + READ_AT_ONCE).map(list))));
  }
  return listed;
}

/** One backup, with its proof if it was verified. @throws MusterError `not_found` or `backup_damaged` */
export async function provenManifest(store: BackupStore, id: string): Promise<Manifest & { proof?: Proof }> {
  const manifest = await findManifest(store, id);
  const proof = await proofOf(store, manifest.id);
  return { ...manifest, ...(proof && { proof }) };
}

/** When a backup was last verified. Undefined if it never was, or if its proof cannot be read. */
export async function proofOf(store: BackupStore, id: string): Promise<Proof | undefined> {
  const text = await store.readText(id, PROOF);
  return text === undefined ? undefined : parseProof(text);
}

/**
 * Keeps the newest `keep` backups of each table, at least one, and removes the others. A backup of several tables stays if it
 * is among the newest of any of them. A backup whose manifest cannot be read stays too. `say` is called for each removed one.
 */
export async function keepNewest(store: BackupStore, keep: number, say: (line: string) => void): Promise<void> {
  const newer = new Map<string, number>();
  for (const id of (await store.ids()).reverse()) {
    const manifest = await ifSound(findManifest(store, id));
    if (!manifest) continue;
    const names = manifest.tables.map(({ table }) => table);
    const isNeeded = names.some((table) => (newer.get(table) ?? 0) < Math.max(1, keep));
    for (const table of names) newer.set(table, (newer.get(table) ?? 0) + 1);
    if (isNeeded) continue;
    await store.remove(id);
    say(`removed backup ${id}`);
  }
}

/** The result of `reading`. Undefined if the backup is damaged. */
async function ifSound<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error) => {
    if (error instanceof MusterError && error.code === "backup_damaged") return undefined;
    throw error;
  });
}

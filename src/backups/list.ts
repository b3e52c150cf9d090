/** Backups as they are listed: their manifests, with when they were proven. */
import { MusterError } from "../errors.ts";
import { findManifest } from "./check.ts";
import type { Manifest, Proof } from "./manifest.ts";
import type { BackupStore } from "./store.ts";
import { proofOf } from "./verify.ts";

export type ListedBackup = (Manifest & { proof?: Proof }) | { id: string; damaged: true };

/** Manifests and proofs that are read from the store at once. */
const READ_AT_ONCE = 50;

/**
 * The backups of these ids, in their order. One manifest that cannot be read does not hide the other backups.
 * @throws MusterError `unavailable` if the store does not answer
 */
export async function listBackups(store: BackupStore, ids: readonly string[]): Promise<ListedBackup[]> {
  const listed: ListedBackup[] = [];
  for (let start = 0; start < ids.length; start += READ_AT_ONCE) {
    const part = ids.slice(start, start + READ_AT_ONCE);
    listed.push(...(await Promise.all(part.map((id) => provenManifest(store, id).catch(damagedOne(id))))));
  }
  return listed;
}

/** One backup. @throws MusterError `not_found` or `backup_damaged` */
export async function provenManifest(store: BackupStore, id: string): Promise<Manifest & { proof?: Proof }> {
  const manifest = await findManifest(store, id, []);
  const proof = await proofOf(store, manifest.id);
  return { ...manifest, ...(proof && { proof }) };
}

function damagedOne(id: string): (error: unknown) => { id: string; damaged: true } {
  return (error) => {
    if (error instanceof MusterError && error.code === "backup_damaged") return { id, damaged: true };
    throw error;
  };
}

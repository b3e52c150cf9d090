/** What a backup holds, in short. */
import type { ManifestEntry } from "../../backups/manifest.ts";
import { count } from "../parts/quantities.ts";

/** The size of a backup's files in bytes. */
export const sizeOf = (files: readonly ManifestEntry[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Such as `departments 12, jobs 183`. */
export const tableRows = (files: readonly ManifestEntry[]): string =>
  files.map(({ table, rows }) => `${table} ${count(rows)}`).join(", ");

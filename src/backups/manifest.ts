/** A backup's manifest: what its files must hold. It is written last, so a folder without it is not a backup. */
import { createHash } from "node:crypto";
import { Type } from "avsc";
import { z } from "zod";
import type { AvroSchema } from "../codecs/avro.ts";
import { MusterError } from "../errors.ts";

const Entry = z.object({
  table: z.string(),
  file: z.string(),
  rows: z.int().min(0),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  schema: z.custom<AvroSchema>((value) => typeof value === "object" && value !== null && "fields" in value),
  /** SHA-256 of the schema's Parsing Canonical Form (Avro specification, Schema Fingerprints). */
  fingerprint: z.string(),
  checksum: z.string(),
  /**
   * The id that the table would have assigned next, as text if it is beyond 2^53. If no id is left, MariaDB says one more than
   * the largest.
   */
  auto_increment: z.union([z.int().min(1), z.string().regex(/^\d{16,20}$/)]).optional(),
  /** How many rows break the rules of their columns. Other programs stored them, and a restore refuses them. Left out if 0. */
  invalid_rows: z.int().min(1).exactOptional(),
});

export const Manifest = z.object({
  id: z.string(),
  created_at: z.string(),
  /** The database server that the rows came from. */
  server: z.string(),
  tables: z
    .array(Entry)
    .min(1)
    .refine((entries) => new Set(entries.map(({ table }) => table)).size === entries.length),
  /** SHA-256 of the rest of the manifest: see sealOf. Backups of version 0.1 have no seal. */
  seal: z.string().exactOptional(),
});

export type ManifestEntry = z.infer<typeof Entry>;
export type Manifest = z.infer<typeof Manifest>;

/** When a backup was last verified, and how many seconds its restore into scratch tables took. */
export const Proof = z.object({ proved_at: z.string(), seconds: z.number() });
export type Proof = z.infer<typeof Proof>;

/**
 * An id for a new backup. Ids sort by time. They end with random digits, since two backups may begin in one millisecond.
 * @param newest the newest id in the store: the new id sorts after it even if the clock was set back
 */
export function newBackupId(now: Date, newest?: string): string {
  const after = newest === undefined ? 0 : timeOf(newest) + 1;
  const time = new Date(Math.max(now.getTime(), after)).toISOString().replaceAll(/[-:.]/g, "");
  return `${time}-${Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString("hex")}`;
}

export const BACKUP_ID = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/;

/** The time in an id, in milliseconds since 1970. */
function timeOf(id: string): number {
  const iso = id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z.*$/, "$1-$2-$3T$4:$5:$6.$7Z");
  return Date.parse(iso) || 0;
}

/**
 * SHA-256 of a schema's Parsing Canonical Form (Avro specification, Schema Fingerprints), in hexadecimal.
 * @throws MusterError `backup_damaged` for a schema that the library cannot use
 */
export function fingerprintOf(schema: object): string {
  try {
    return Type.forSchema(schema as never)
      .fingerprint("sha256")
      .toString("hex");
  } catch {
    throw new MusterError("backup_damaged", "its schema cannot be used");
  }
}

/** Adds the seal to a manifest: the SHA-256 of its JSON without the seal. */
export function sealed(manifest: Omit<Manifest, "seal">): Manifest {
  return { ...manifest, seal: sealOf(manifest) };
}

const sealOf = (unsealed: object): string => createHash("sha256").update(JSON.stringify(unsealed)).digest("hex");

/** @throws MusterError `backup_damaged` if the text is not the manifest of this backup, or was changed after it was sealed */
export function parseManifest(id: string, text: string): Manifest {
  const manifest = parsed(Manifest, text);
  if (manifest?.id === id && isAsSealed(text)) return manifest;
  throw new MusterError("backup_damaged", `the manifest of backup ${id} is damaged: name another backup by its id`);
}

/** @param text JSON of an object. The seal covers all its keys, also those that this version does not know. */
function isAsSealed(text: string): boolean {
  const { seal, ...unsealed } = JSON.parse(text);
  try {
    return seal === undefined || seal === sealOf(unsealed);
  } catch {
    return false; // nested too deep for JSON.stringify
  }
}

/** The proof in a text. Undefined if it cannot be read; that is no error, because the backup can be verified again. */
export const parseProof = (text: string): Proof | undefined => parsed(Proof, text);

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** What a backup says of itself (design section 6). It is written last: a backup without one is none. */
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
  /** The id that the table would have assigned next. */
  auto_increment: z.int().min(1).optional(),
});

export const Manifest = z.object({
  id: z.string(),
  created_at: z.string(),
  /** The database server that the rows came from. */
  server: z.string(),
  tables: z.array(Entry).min(1),
});

export type ManifestEntry = z.infer<typeof Entry>;
export type Manifest = z.infer<typeof Manifest>;

/** When a verify last proved a backup, and how long its restore into scratch tables took. */
export const Proof = z.object({ proved_at: z.string(), seconds: z.number() });
export type Proof = z.infer<typeof Proof>;

/** Ids sort by time; the last part keeps two of one millisecond apart. */
export function newBackupId(now: Date): string {
  const time = now.toISOString().replaceAll(/[-:.]/g, "");
  return `${time}-${Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString("hex")}`;
}

export const BACKUP_ID = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/;

/** @throws MusterError `backup_damaged` for text that is no manifest, or that of another backup */
export function parseManifest(id: string, text: string): Manifest {
  const manifest = parsed(Manifest, text);
  if (manifest?.id === id) return manifest;
  throw new MusterError("backup_damaged", `the manifest of backup ${id} is damaged: name another backup by its id`);
}

/** Undefined where it cannot be read: a proof can be made again. */
export const parseProof = (text: string): Proof | undefined => parsed(Proof, text);

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** What the OpenAPI document says of backups. */
import { z } from "zod";
import { Manifest, Proof } from "../backups/manifest.ts";
import { tableNames } from "../codecs/tables.ts";
import { type Answer, type Description, type Examples, headersOf, json, problems } from "../http/describe.ts";
import { IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import { RestoreCounts } from "./runs.ts";

export const EXAMPLE_BACKUP = "20261122T230000000Z-0a1b2c3d";

const Made = Manifest.meta({ id: "Manifest" });
const Backup = Manifest.extend({ proof: Proof.exactOptional() }).meta({ id: "Backup" });
const Damaged = z.strictObject({ id: z.string(), damaged: z.literal(true) }).meta({ id: "DamagedBackup" });
const Restored = z
  .strictObject({ run: z.uuid(), backup: z.string(), tables: z.partialRecord(z.enum(tableNames), RestoreCounts) })
  .meta({ id: "Restored" });

const tags = ["backups"];

export const MAKE: Description = {
  ...{ tags, summary: "Back up tables, in one consistent snapshot", parameters: [IDEMPOTENCY_KEY] },
  answers: { 201: json("The manifest", Made, "Location", "Idempotent-Replayed"), ...problems(409, 422, 503) },
};
export const RESTORE: Description = {
  ...{ tags, summary: "Make tables exactly what a backup has, all in one step", parameters: [IDEMPOTENCY_KEY] },
  description: "With `plan` nothing is changed: the answer says what would be.",
  answers: { 200: json("What was done", Restored, "Idempotent-Replayed"), ...problems(404, 409, 422, 503) },
};
export const LIST: Description = {
  ...{ tags, summary: "The manifests of the backups, the newest first" },
  answers: { 200: json("Manifests", z.array(z.union([Backup, Damaged])), "Link"), ...problems(406, 503) },
};
export const ONE: Description = {
  ...{ tags, summary: "The manifest of a backup, with its proof where it was verified" },
  answers: { 200: json("The manifest", Backup), ...problems(404, 406, 422, 503) },
};
export const VERIFY: Description = {
  ...{ tags, summary: "Prove that a backup can be restored" },
  description: "It is restored into scratch tables, which are compared with the manifest.",
  answers: { 200: json("The manifest, and its proof", Backup), ...problems(404, 422, 503) },
};

const header = (name: string, description: string) =>
  ({ in: "header", name, description, schema: { type: "string" } }) as const;
const file = (description: string): Answer => ({
  description,
  content: { "application/avro": { schema: z.unknown() } },
  headers: headersOf(["ETag", "Accept-Ranges", "Content-Disposition"]),
});

export const FILE: Description = {
  ...{ tags, summary: "The Avro file of a table" },
  parameters: [
    header("Range", "`bytes=FROM-TO`: a part of the file"),
    header("If-Range", "The ETag that the file must have for `Range` to count"),
    header("If-None-Match", "ETags of what the client has"),
  ],
  answers: {
    200: file("The file"),
    206: { ...file("The part"), headers: headersOf(["ETag", "Accept-Ranges", "Content-Disposition", "Content-Range"]) },
    304: { description: "The client has it", headers: headersOf(["ETag", "Accept-Ranges"]) },
    ...problems(404, 416, 422, 503),
  },
};

export const BACKUPS: Examples = {
  tables: { summary: "Every table", value: { table: tableNames }, status: 201 },
};
export const RESTORES: Examples = {
  plan: { summary: "Say what would change", value: { table: tableNames, backup: "latest", plan: true }, status: 200 },
  restore: { summary: "Every table", value: { table: tableNames, backup: EXAMPLE_BACKUP }, status: 200 },
};

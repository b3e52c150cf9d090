/** The backups in the store: list them, show one, and download its files (docs/backups.md). */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { entryOf, findManifest, pageOfBackups, provenManifest } from "../backups/catalog.ts";
import { Manifest, Proof } from "../backups/manifest.ts";
import type { BackupStore } from "../backups/store.ts";
import type { Dictionary } from "../codecs/dictionary.ts";
import { requires } from "../http/auth.ts";
import { type Answer, describe, type HeaderName, headersOf, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { linkNext } from "../http/listing.ts";
import { negotiate } from "../http/negotiate.ts";
import { CURSOR, limitParameter } from "../http/page-parameters.ts";
import { Refusal } from "../http/problem.ts";
import { sendFile } from "../http/range.ts";
import { parameter, validate } from "../http/validate.ts";

/** The id in the document's examples. */
export const EXAMPLE_BACKUP = "20261122T230000000Z-0a1b2c3d";
const examples = [EXAMPLE_BACKUP];

export const BackupPath = z.object({ id: z.string().meta({ examples, description: "An id, or `latest`" }) });
const filePath = ({ names }: Dictionary) =>
  BackupPath.extend({ file: z.string().meta({ examples: [`${names[0]}.avro`] }) });
const BackupsQuery = z.strictObject({
  limit: limitParameter,
  cursor: parameter.optional().meta({ examples, description: CURSOR }),
});

export const Backup = Manifest.extend({ proof: Proof.exactOptional() }).meta({ id: "Backup" });
const Damaged = z.strictObject({ id: z.string(), damaged: z.literal(true) }).meta({ id: "DamagedBackup" });

const tags = ["backups"];
const LIST = describe({
  ...{ tags, summary: "The manifests of the backups, newest first" },
  answers: { 200: json("Manifests", z.array(z.union([Backup, Damaged])), "Link"), ...problems(406, 503) },
});
const ONE = describe({
  ...{ tags, summary: "The manifest of a backup, with its proof if it was verified" },
  answers: { 200: json("The manifest", Backup), ...problems(404, 406, 422, 503) },
});
const file = (description: string, ...headers: HeaderName[]): Answer => ({
  description,
  content: { "application/avro": { schema: z.unknown() } },
  headers: headersOf(["ETag", "Accept-Ranges", "Content-Disposition", ...headers]),
});
const FILE = describe({
  ...{ tags, summary: "The Avro file of a table" },
  requestHeaders: [
    { name: "Range", description: "`bytes=FROM-TO`: a part of the file" },
    { name: "If-Range", description: "`Range` counts only if the file has this ETag" },
    { name: "If-None-Match", description: "ETags that the client has" },
  ],
  answers: {
    200: file("The file"),
    206: file("The part", "Content-Range"),
    304: { description: "The client has the file", headers: headersOf(["ETag", "Accept-Ranges"]) },
    ...problems(404, 416, 422, 503),
  },
});

export function storedBackupRoutes(store: BackupStore, dictionary: Dictionary) {
  const admin = requires("admin");
  return new Hono<Env>()
    .get("/backups", LIST, admin, validate("query", BackupsQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      negotiate(c, ["application/json"]);
      const { backups, next } = await pageOfBackups(store, { limit, before: cursor });
      if (next !== undefined) linkNext(c, next);
      return c.json(backups, 200);
    })
    .get("/backups/:id", ONE, admin, validate("param", BackupPath), async (c) => {
      negotiate(c, ["application/json"]);
      return c.json(await provenManifest(store, c.req.valid("param").id), 200);
    })
    .get("/backups/:id/:file", FILE, admin, validate("param", filePath(dictionary)), async (c) => {
      const { id, file } = c.req.valid("param");
      const name = file.replace(/\.avro$/, "");
      if (file === name || !dictionary.has(name))
        throw new Refusal(404, `backups hold ${dictionary.names.join(".avro, ")}.avro`);
      const manifest = await findManifest(store, id);
      const entry = entryOf(manifest, name);
      withoutTimeout(c);
      const read = (range?: { start: number; end: number }) => store.read(manifest.id, entry.file, range);
      return sendFile(c, { ...entry, type: "application/avro", etag: entry.sha256 }, read);
    });
}

/** Switches off Bun's limit on idle connections: this request may work on large tables for longer without sending a byte. */
export function withoutTimeout(c: Context<Env>): void {
  c.env?.timeout?.(c.req.raw, 0);
}

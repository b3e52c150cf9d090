/** Backups: make, restore, list, verify and download them (docs/backups.md). */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { backup } from "../backups/backup.ts";
import { entryOf, findManifest, listBackups, provenManifest } from "../backups/catalog.ts";
import { Manifest, Proof } from "../backups/manifest.ts";
import { outcomeOf, restore } from "../backups/restore.ts";
import type { BackupStore } from "../backups/store.ts";
import { verify } from "../backups/verify.ts";
import { AVRO_CODECS } from "../codecs/avro-container.ts";
import type { Dictionary } from "../codecs/dictionary.ts";
import type { Use } from "../db/rights.ts";
import { Turnstile } from "../db/turnstile.ts";
import { requires } from "../http/auth.ts";
import { bytesOf, jsonBody, takeBody } from "../http/body.ts";
import { databaseAllows } from "../http/database-allows.ts";
import { type Answer, describe, type Examples, type HeaderName, headersOf, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { IDEMPOTENCY_KEY, oncePerKey } from "../http/idempotency.ts";
import type { InFlight } from "../http/in-flight.ts";
import { CURSOR, limitParameter, linkNext } from "../http/listing.ts";
import { negotiate } from "../http/negotiate.ts";
import { Refusal } from "../http/problem.ts";
import { sendFile } from "../http/range.ts";
import { noQuery, parameter, validate } from "../http/validate.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import type { Report } from "../repositories/run-log.ts";
import { RestoreCounts } from "./runs.ts";

const EXAMPLE_ID = "20261122T230000000Z-0a1b2c3d";
const examples = [EXAMPLE_ID];

/** What a request names the tables by. */
function tablesOf({ names }: Dictionary) {
  const error = `must be a list of tables, such as ["${names[0]}"]; the tables are ${names.join(", ")}`;
  return z.array(z.enum(names, { error }), { error }).min(1, { error });
}
const backupBody = (dictionary: Dictionary) =>
  z.strictObject({ table: tablesOf(dictionary), codec: z.enum(AVRO_CODECS).default("deflate") });
const restoreBody = (dictionary: Dictionary) =>
  z.strictObject({
    table: tablesOf(dictionary),
    backup: z.string().default("latest"),
    plan: z.boolean().default(false),
  });
const BackupPath = z.object({ id: z.string().meta({ examples, description: "An id, or `latest`" }) });
const filePath = ({ names }: Dictionary) =>
  BackupPath.extend({ file: z.string().meta({ examples: [`${names[0]}.avro`] }) });
const BackupsQuery = z.strictObject({
  limit: limitParameter,
  cursor: parameter.optional().meta({ examples, description: CURSOR }),
});

const Made = Manifest.meta({ id: "Manifest" });
const Backup = Manifest.extend({ proof: Proof.exactOptional() }).meta({ id: "Backup" });
const Damaged = z.strictObject({ id: z.string(), damaged: z.literal(true) }).meta({ id: "DamagedBackup" });
const restored = ({ names }: Dictionary) =>
  z
    .strictObject({ run: z.uuid(), backup: z.string(), tables: z.partialRecord(z.enum(names), RestoreCounts) })
    .meta({ id: "Restored" });

const backupExamples = ({ names }: Dictionary): Examples => ({
  tables: { summary: "Every table", value: { table: names }, status: 201 },
});
const restoreExamples = ({ names }: Dictionary): Examples => ({
  plan: { summary: "Say what would change", value: { table: names, backup: "latest", plan: true }, status: 200 },
  restore: { summary: "Every table", value: { table: names, backup: EXAMPLE_ID }, status: 200 },
});

const tags = ["backups"];
const MAKE = describe({
  ...{ tags, summary: "Back up tables, in one consistent snapshot", requestHeaders: [IDEMPOTENCY_KEY] },
  answers: { 201: json("The manifest", Made, "Location", "Idempotent-Replayed"), ...problems(409, 422, 503) },
});
const describeRestore = (dictionary: Dictionary) =>
  describe({
    ...{ tags, summary: "Make tables exactly what a backup has, in one step", requestHeaders: [IDEMPOTENCY_KEY] },
    description: "With `plan` nothing is changed: the answer says what would change.",
    answers: {
      200: json("What was done", restored(dictionary), "Idempotent-Replayed"),
      ...problems(404, 409, 422, 503),
    },
  });
const LIST = describe({
  ...{ tags, summary: "The manifests of the backups, newest first" },
  answers: { 200: json("Manifests", z.array(z.union([Backup, Damaged])), "Link"), ...problems(406, 503) },
});
const ONE = describe({
  ...{ tags, summary: "The manifest of a backup, with its proof if it was verified" },
  answers: { 200: json("The manifest", Backup), ...problems(404, 406, 422, 503) },
});
const VERIFY = describe({
  ...{ tags, summary: "Prove that a backup can be restored" },
  description: "The backup is restored into scratch tables, and these are compared with the manifest.",
  answers: { 200: json("The manifest and its proof", Backup), ...problems(404, 422, 503) },
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

interface BackupDependencies {
  database: MusterDatabase;
  store: BackupStore;
  bodyBytesMax: number;
  inFlight: InFlight;
  /** Writes one line to the log. */
  say(line: string): void;
}

export function backupRoutes({ database, store, bodyBytesMax, inFlight, say }: BackupDependencies) {
  const { dictionary } = database;
  const report: Report = { say };
  // Backups, restores and verifications run one at a time. Each holds several connections, so many at once would leave none for
  // readers, or would wait for each other.
  const inTurn = new Turnstile(1);
  const once = oncePerKey(database, say);
  const admin = requires("admin");
  const checks = (use: Use) =>
    [admin, databaseAllows(database, use), takeBody(inFlight, bodyBytesMax), noQuery] as const;
  const asJson = jsonBody(inFlight);
  return new Hono<Env>()
    .post(
      "/backup",
      MAKE,
      ...checks("backup"),
      asJson,
      validate("json", backupBody(dictionary), backupExamples(dictionary)),
      async (c) => {
        withoutTimeout(c);
        const { table, codec } = c.req.valid("json");
        const tables = [...new Set(table)].map((name) => dictionary.of(name));
        const manifest = await once(c, bytesOf(c), {
          run: async (begin) =>
            (await inTurn.pass(() => backup(database, store, { tables, codec, report, begin }))).manifest,
          again: ({ source }) => findManifest(store, source ?? ""),
        });
        return c.json(manifest, 201, { Location: `/backups/${manifest.id}` });
      },
    )
    .post(
      "/restore",
      describeRestore(dictionary),
      ...checks("restore"),
      asJson,
      validate("json", restoreBody(dictionary), restoreExamples(dictionary)),
      async (c) => {
        withoutTimeout(c);
        const { table, backup: id, plan } = c.req.valid("json");
        const tables = [...new Set(table)].map((name) => dictionary.of(name));
        const outcome = await once(c, bytesOf(c), {
          run: (begin) => inTurn.pass(() => restore(database, store, { tables, backup: id, plan, report, begin })),
          again: outcomeOf,
        });
        return c.json(outcome, 200);
      },
    )
    .get("/backups", LIST, admin, validate("query", BackupsQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      negotiate(c, ["application/json"]);
      const ids = (await store.ids()).reverse().filter((id) => cursor === undefined || id < cursor);
      const page = ids.slice(0, limit);
      if (ids.length > limit) linkNext(c, page.at(-1));
      return c.json(await listBackups(store, page), 200);
    })
    .get("/backups/:id", ONE, admin, validate("param", BackupPath), async (c) => {
      negotiate(c, ["application/json"]);
      return c.json(await provenManifest(store, c.req.valid("param").id), 200);
    })
    .post("/backups/:id/verify", VERIFY, ...checks("import"), validate("param", BackupPath), async (c) => {
      withoutTimeout(c);
      const { id } = c.req.valid("param");
      const begin = async (_: unknown, run: string) => c.set("run", run);
      const { manifest, proof } = await inTurn.pass(() => verify(database, store, { id, report, begin }));
      return c.json({ ...manifest, proof }, 200);
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
function withoutTimeout(c: Context<Env>): void {
  c.env?.timeout?.(c.req.raw, 0);
}

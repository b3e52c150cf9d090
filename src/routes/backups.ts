/** Makes, restores and verifies backups (docs/backups.md). */
import { Hono } from "hono";
import { z } from "zod";
import { backup } from "../backups/backup.ts";
import { findManifest } from "../backups/catalog.ts";
import { Manifest } from "../backups/manifest.ts";
import { outcomeOf, restore } from "../backups/restore.ts";
import type { BackupStore } from "../backups/store.ts";
import { verify } from "../backups/verify.ts";
import { AVRO_CODECS } from "../codecs/avro-container.ts";
import type { Dictionary } from "../codecs/dictionary.ts";
import type { Use } from "../db/rights.ts";
import type { Turnstile } from "../db/turnstile.ts";
import { requires } from "../http/auth.ts";
import { bytesOf, jsonBody, takeBody } from "../http/body.ts";
import { databaseAllows } from "../http/database-allows.ts";
import { describe, type Examples, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { IDEMPOTENCY_KEY, oncePerKey } from "../http/idempotency.ts";
import type { InFlight } from "../http/in-flight.ts";
import { noQuery, validate } from "../http/validate.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import type { Report } from "../repositories/run-log.ts";
import { RestoreCounts } from "./runs.ts";
import { Backup, BackupPath, EXAMPLE_BACKUP, withoutTimeout } from "./stored-backups.ts";

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
const Made = Manifest.meta({ id: "Manifest" });
const restored = ({ names }: Dictionary) =>
  z
    .strictObject({ run: z.uuid(), backup: z.string(), tables: z.partialRecord(z.enum(names), RestoreCounts) })
    .meta({ id: "Restored" });

const backupExamples = ({ names }: Dictionary): Examples => ({
  tables: { summary: "Every table", value: { table: names }, status: 201 },
});
const restoreExamples = ({ names }: Dictionary): Examples => ({
  plan: { summary: "Say what would change", value: { table: names, backup: "latest", plan: true }, status: 200 },
  restore: { summary: "Every table", value: { table: names, backup: EXAMPLE_BACKUP }, status: 200 },
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
const VERIFY = describe({
  ...{ tags, summary: "Prove that a backup can be restored" },
  description: "The backup is restored into scratch tables, and these are compared with the manifest.",
  answers: { 200: json("The manifest and its proof", Backup), ...problems(404, 422, 503) },
});

interface BackupDependencies {
  database: MusterDatabase;
  store: BackupStore;
  bodyBytesMax: number;
  inFlight: InFlight;
  /** Backups, restores and verifications of this process pass it one at a time. */
  inTurn: Turnstile;
  /** Writes one line to the log. */
  say(line: string): void;
}

export function backupRoutes({ database, store, bodyBytesMax, inFlight, inTurn, say }: BackupDependencies) {
  const { dictionary } = database;
  const report: Report = { say };
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
    .post("/backups/:id/verify", VERIFY, ...checks("import"), validate("param", BackupPath), async (c) => {
      withoutTimeout(c);
      const { id } = c.req.valid("param");
      const begin = async (_: unknown, run: string) => c.set("run", run);
      const { manifest, proof } = await inTurn.pass(() => verify(database, store, { id, report, begin }));
      return c.json({ ...manifest, proof }, 200);
    });
}

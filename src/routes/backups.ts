/** Backups over REST (design sections 4, 6 and 7). */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { backup } from "../backups/backup.ts";
import { entryOf, findManifest } from "../backups/check.ts";
import { listBackups, provenManifest } from "../backups/list.ts";
import { outcomeOf, restore } from "../backups/restore.ts";
import type { BackupStore } from "../backups/store.ts";
import { verify } from "../backups/verify.ts";
import { AVRO_CODECS } from "../codecs/avro-container.ts";
import { isTableName, tableNames, tableOf } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import type { Use } from "../db/rights.ts";
import { Turnstile } from "../db/turnstile.ts";
import { able } from "../http/able.ts";
import { requires } from "../http/auth.ts";
import { jsonBody, takeBody } from "../http/body.ts";
import { describe } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { oncePerKey } from "../http/idempotency.ts";
import type { InFlight } from "../http/in-flight.ts";
import { negotiate } from "../http/negotiate.ts";
import { CURSOR, limitParameter, pageOf } from "../http/paging.ts";
import { Refusal } from "../http/problem.ts";
import { sendFile } from "../http/range.ts";
import { noQuery, parameter, validate } from "../http/validate.ts";
import type { Report } from "../repositories/run-log.ts";
import * as about from "./backups-description.ts";

const tablesForm = `must be a list of tables, such as ["${tableNames[0]}"]; the tables are ${tableNames.join(", ")}`;
const Tables = z.array(z.enum(tableNames, { error: tablesForm }), { error: tablesForm }).min(1, { error: tablesForm });
const BackupBody = z.strictObject({ table: Tables, codec: z.enum(AVRO_CODECS).default("deflate") });
const RestoreBody = z.strictObject({
  table: Tables,
  backup: z.string().default("latest"),
  plan: z.boolean().default(false),
});
const examples = [about.EXAMPLE_BACKUP];
const BackupPath = z.object({ id: z.string().meta({ examples, description: "An id, or `latest`" }) });
const FilePath = BackupPath.extend({ file: z.string().meta({ examples: [`${tableNames[0]}.avro`] }) });
const BackupsQuery = z.strictObject({
  limit: limitParameter,
  cursor: parameter.optional().meta({ examples, description: CURSOR }),
});

export interface BackupDependencies {
  database: Database;
  store: BackupStore;
  bodyBytesMax: number;
  inFlight: InFlight;
  /** One line for the log. */
  say(line: string): void;
}

export function backupRoutes({ database, store, bodyBytesMax, inFlight, say }: BackupDependencies) {
  const report: Report = { say };
  // Each holds several connections of the pool: many at once would wait for each other's, and leave none for readers.
  const inTurn = new Turnstile(1);
  const once = oncePerKey(database, say);
  const admin = [requires("admin")] as const;
  const checks = (use: Use) => [...admin, able(database, use), takeBody(inFlight, bodyBytesMax), noQuery] as const;
  const asJson = jsonBody(inFlight);
  return new Hono<Env>()
    .post(
      "/backup",
      describe(about.MAKE),
      ...checks("backup"),
      asJson,
      validate("json", BackupBody, about.BACKUPS),
      async (c) => {
        takeTime(c);
        const { table, codec } = c.req.valid("json");
        const tables = [...new Set(table)].map(tableOf);
        const manifest = await once(c, {
          run: async (begin) =>
            (await inTurn.pass(() => backup(database, store, { tables, codec, report, begin }))).manifest,
          again: ({ source }) => findManifest(store, source ?? "", []),
        });
        return c.json(manifest, 201, { Location: `/backups/${manifest.id}` });
      },
    )
    .post(
      "/restore",
      describe(about.RESTORE),
      ...checks("restore"),
      asJson,
      validate("json", RestoreBody, about.RESTORES),
      async (c) => {
        takeTime(c);
        const { table, backup: id, plan } = c.req.valid("json");
        const tables = [...new Set(table)].map(tableOf);
        const outcome = await once(c, {
          run: (begin) => inTurn.pass(() => restore(database, store, { tables, backup: id, plan, report, begin })),
          again: outcomeOf,
        });
        return c.json(outcome, 200);
      },
    )
    .get("/backups", describe(about.LIST), ...admin, validate("query", BackupsQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      negotiate(c, ["application/json"]);
      const ids = (await store.ids()).reverse().filter((id) => cursor === undefined || id < cursor);
      const page = pageOf(c, ids.slice(0, limit + 1), limit, (id) => id);
      return c.json(await listBackups(store, page), 200);
    })
    .get("/backups/:id", describe(about.ONE), ...admin, validate("param", BackupPath), async (c) => {
      negotiate(c, ["application/json"]);
      return c.json(await provenManifest(store, c.req.valid("param").id), 200);
    })
    .post(
      "/backups/:id/verify",
      describe(about.VERIFY),
      ...checks("import"),
      validate("param", BackupPath),
      async (c) => {
        takeTime(c);
        const { id } = c.req.valid("param");
        const begin = async (_: unknown, run: string) => c.set("run", run);
        const { manifest, proof } = await inTurn.pass(() => verify(database, store, { id, report, begin }));
        return c.json({ ...manifest, proof }, 200);
      },
    )
    .get("/backups/:id/:file", describe(about.FILE), ...admin, validate("param", FilePath), async (c) => {
      const { id, file } = c.req.valid("param");
      const name = file.replace(/\.avro$/, "");
      if (file === name || !isTableName(name))
        throw new Refusal(404, `backups hold ${tableNames.join(".avro, ")}.avro`);
      const manifest = await findManifest(store, id, []);
      const entry = entryOf(manifest, name);
      takeTime(c);
      const read = (range?: { start: number; end: number }) => store.read(manifest.id, entry.file, range);
      return sendFile(c, { ...entry, type: "application/avro", etag: entry.sha256 }, read);
    });
}

/** Bun cuts a connection on which nothing moves; this one works for as long as the tables are large. */
function takeTime(c: Context<Env>): void {
  c.env?.timeout?.(c.req.raw, 0);
}

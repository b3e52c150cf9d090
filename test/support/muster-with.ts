/** Muster with more tables, in this process: the modules of a copy of the project, whose schema has them. */
import { expect } from "bun:test";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import pino from "pino";
import type { Counts } from "../../src/db/ledger.ts";
import type { ImportOptions, ImportOutcome } from "../../src/ingest/import.ts";
import type { RejectionRecord } from "../../src/repositories/rejection-log.ts";
import { run } from "./commands.ts";
import { dropDatabase, freshUrl } from "./database.ts";
import { folderOf } from "./files.ts";
import { copyOfProject } from "./project.ts";

export type Muster = Awaited<ReturnType<typeof musterWith>>;

/**
 * Makes the copy and an empty database with its migrations. Call close(), and then removeFolders().
 * @param schema text for the schema file, with the names that it needs from Drizzle
 */
export async function musterWith({ imports, text }: { imports: string; text: string }, url = freshUrl()) {
  const { folder, extendSchema } = await copyOfProject();
  await extendSchema(imports, text);
  const generated = await run(["--bun", "x", "drizzle-kit", "generate"], {}, folder);
  if (generated.code !== 0) throw new Error(generated.stdout + generated.stderr);
  const source = (path: string) => import(join(folder, "src", path));
  const { createApp }: typeof import("../../src/app.ts") = await source("app.ts");
  const { connect }: typeof import("../../src/db/database.ts") = await source("db/database.ts");
  const { migrate }: typeof import("../../src/db/migrate.ts") = await source("db/migrate.ts");
  const { importSource }: typeof import("../../src/ingest/import.ts") = await source("ingest/import.ts");
  const { DirectoryStore }: typeof import("../../src/backups/store-directory.ts") =
    await source("backups/store-directory.ts");
  const { dictionary }: typeof import("../../src/schema-check.ts") = await source("schema-check.ts");

  await migrate(url);
  const database = { ...(await connect(url)), dictionary };
  const { tables } = dictionary;
  const store = new DirectoryStore(join(folder, "backups"));
  const app = createApp({ database, store, log: pino({ level: "silent" }) });
  const select = async (sql: string, values: unknown[] = []) =>
    (await database.pool.query<RowDataPacket[]>(sql, values))[0];
  return {
    ...{ folder, url, database, app, store, select, tables },
    /** Imports files, and checks that every row is accounted for. */
    async load(files: Record<string, string | Uint8Array>, options: Partial<ImportOptions> = {}) {
      const outcome = await importSource(database, { source: await folderOf(files), report: { say() {} }, ...options });
      expectAccount(outcome);
      return { ...outcome, tables: outcome.tables as Partial<Record<string, Counts>> };
    },
    /** The rejected rows of a run, in the order of their positions. */
    async rejected(run: string): Promise<RejectionRecord[]> {
      const rejections = (await (await app.request(`/rejections?run=${run}&limit=1000`)).json()) as RejectionRecord[];
      return rejections.sort((a, b) => a.table.localeCompare(b.table) || a.position - b.position);
    },
    async post<Answer = BatchAnswer>(path: string, body: unknown, type = "application/json"): Promise<Answer> {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const answer = await app.request(path, { method: "POST", headers: { "Content-Type": type }, body: text });
      return { status: answer.status, ...((await answer.json()) as object) } as Answer;
    },
    /** What GET answers. */
    async get(path: string, accept = "application/json") {
      const answer = await app.request(path, { headers: { Accept: accept } });
      const text = await answer.text();
      const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1];
      return { status: answer.status, body: accept === "application/json" ? JSON.parse(text) : text, next };
    },
    /** Deletes all rows of these tables, and the rejections of earlier runs. */
    async empty(...names: string[]) {
      const connection = await database.pool.getConnection();
      // A row that refers to its own table could not be deleted before the rows that refer to it.
      await connection.query("SET foreign_key_checks = OFF");
      for (const name of [...names, "muster_rejections"]) await connection.query("DELETE FROM ??", [name]);
      await connection.query("SET foreign_key_checks = ON");
      connection.release();
    },
    async close() {
      await database.close();
      await dropDatabase(url);
    },
  };
}

export interface BatchAnswer {
  status: number;
  run: string;
  received: number;
  inserted: number;
  unchanged: number;
  rejected: number;
  rows: RowAnswer[];
}

export interface RowAnswer {
  table: string;
  index: number;
  status: string;
  id?: number;
  key?: Record<string, unknown>;
  rejection?: number;
  reasons?: { code: string; field?: string; detail: string }[];
}

function expectAccount({ tables }: ImportOutcome): void {
  for (const counts of Object.values(tables)) {
    expect(counts.inserted + counts.unchanged + counts.rejected + counts.withheld).toBe(counts.received);
  }
}

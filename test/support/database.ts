/** A database for one test file: empty, migrated, dropped when it is closed. */
import { type ConnectOptions, connectOnce, connect as connectTo } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { MusterDatabase } from "../../src/repositories/muster-database.ts";
import { dictionary } from "./dictionary.ts";
import { server } from "./server.ts";

export interface TestDatabase extends MusterDatabase {
  url: string;
  /** Deletes all rows, runs, rejections and keys. AUTO_INCREMENT keeps its value. */
  empty(): Promise<void>;
}

const CHILDREN_FIRST = [
  ...dictionary.names.toReversed(),
  "muster_rejections",
  "muster_files",
  "muster_runs",
  "muster_idempotency_keys",
];

/** Connects to a database that exists. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<MusterDatabase> {
  return { ...(await connectTo(url, options)), dictionary };
}

export async function freshDatabase(): Promise<TestDatabase> {
  const url = freshUrl();
  await migrate(url);
  const database = await connect(url);
  const close = async () => {
    await database.close();
    await dropDatabase(url);
  };
  const empty = async () => {
    for (const table of CHILDREN_FIRST) await database.pool.query(`DELETE FROM ${table}`);
  };
  return { ...database, url, empty, close };
}

/** The URL of a new database on the tests' server, which does not exist yet. */
export function freshUrl(): string {
  count += 1;
  return server.url.replace("/muster?", `/test_${process.pid}_${count}?`);
}

export async function dropDatabase(url: string): Promise<void> {
  const connection = await connectOnce(url);
  await connection.query("DROP DATABASE IF EXISTS ??", [/\/(test_\w+)\?/.exec(url)?.[1]]);
  await connection.end();
}

let count = 0;

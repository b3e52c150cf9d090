import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { Pool as CallbackPool } from "mysql2";
import { type Connection, createConnection, createPool, type Pool } from "mysql2/promise";
import type { Capability } from "../config.ts";
import { MusterError } from "../errors.ts";
import { routeTo, writableHost } from "./hosts.ts";
import type { EndedRun } from "./ledger.ts";
import { Turnstile } from "./transaction.ts";
import { parseUrl } from "./url.ts";

/**
 * Connections a process keeps at most; a server answers 151 in all by default. Two imports and a restore hold ten and
 * writers six, which leaves some to those who read.
 */
export const POOL_CONNECTIONS_MAX = 20;
const WRITERS_MAX = 6;

/** What mysql2 keeps of a pool, without a public name. */
type Idle = { length: number; get(index: number): { destroy(): void } | undefined };
export type PoolState = CallbackPool & Record<"_allConnections" | "_freeConnections" | "_connectionQueue", Idle>;

export interface Database {
  db: MySql2Database;
  pool: Pool;
  /** Name of the database (schema) that the connections use. */
  name: string;
  server: Server;
  /** What requests that write pass, so that they leave connections for those that read. */
  writers: Turnstile;
  /** Called when the server has refused a write for it takes none: idle connections to it are given up. */
  demoted(): void;
  /** Told of every run that has ended in this process, where its account is written. */
  ended: Set<(run: EndedRun) => void>;
  close(): Promise<void>;
}

/** What the server said of itself when the pool was opened, and what of it is made use of. */
export interface Server {
  version: string;
  /** By how much the ids follow each other that it assigns to the rows of one statement; a cluster may say 7. */
  idStep: number;
  /** Whether rows can be loaded by LOAD DATA LOCAL INFILE, which MySQL 8 and later allow only where they are told to. */
  loadsData: boolean;
  /** Whether a stage may take an empty table's place. */
  swaps: boolean;
  /** Bytes above which a cluster refuses a transaction; undefined where nothing is refused for its size. */
  transactionBytesMax: number | undefined;
}

/**
 * Opens a pool on `mysql://user:password@host:port/database`; of several hosts on the one that takes writes.
 * Every connection is UTC, strict and utf8mb4, whatever the server's defaults are.
 * @param capabilities what is not made use of
 * @throws MusterError `invalid` for a URL that is not one; the driver's error where no host answers
 */
export async function connect(url: string, capabilities: readonly Capability[] = []): Promise<Database> {
  const { hosts, database, options } = parseUrl(url);
  const route = await routeTo(hosts, options);
  const pool = createPool({ ...options, ...route.options, database, connectionLimit: POOL_CONNECTIONS_MAX });
  const idle = (pool.pool as PoolState)._freeConnections;
  pool.on("connection", (connection) => {
    for (const statement of SESSION) connection.query(statement);
  });
  try {
    const server = await probe(pool, capabilities);
    return {
      db: drizzle(pool),
      pool,
      name: database,
      server,
      writers: new Turnstile(WRITERS_MAX),
      ended: new Set(),
      demoted() {
        route.forget();
        while (idle.length > 0) idle.get(0)?.destroy();
      },
      close: () => pool.end(),
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** One line on how rows get into tables here. */
export function lanesOf({ version, loadsData, swaps }: Server): string {
  const load = loadsData ? "LOAD DATA" : "multi-row INSERT";
  return `database server ${version}: files are loaded by ${load}, and empty tables filled by ${swaps ? "swap" : "INSERT"}`;
}

async function probe(pool: Pool, capabilities: readonly Capability[]): Promise<Server> {
  const [rows] = await pool.query(
    `SHOW VARIABLES WHERE Variable_name IN
     ('version', 'auto_increment_increment', 'local_infile', 'innodb_rollback_on_timeout', 'group_replication_transaction_size_limit',
      'wsrep_on', 'wsrep_max_ws_size')`,
  );
  const variables = new Map(
    (rows as { Variable_name: string; Value: string }[]).map((row) => [row.Variable_name, row.Value]),
  );
  if (variables.get("innodb_rollback_on_timeout") === "ON") {
    // A wait that ends would then undo what its transaction had done before, without an end of the transaction.
    throw new MusterError(
      "refused",
      "the server undoes transactions whose wait ends: set innodb_rollback_on_timeout to OFF",
    );
  }
  const galera = variables.get("wsrep_on") === "ON" ? variables.get("wsrep_max_ws_size") : undefined;
  return {
    version: variables.get("version") ?? "",
    loadsData: variables.get("local_infile") === "ON" && !capabilities.includes("no-load-data"),
    swaps: !capabilities.includes("no-swap"),
    idStep: Number(variables.get("auto_increment_increment") ?? 1),
    // 0 says that there is no limit.
    transactionBytesMax: Number(variables.get("group_replication_transaction_size_limit") ?? galera) || undefined,
  };
}

/** One connection with the same settings, without a default database: for what must come before the pool. */
export async function connectOnce(url: string): Promise<Connection> {
  const { hosts, options } = parseUrl(url);
  const connection = await createConnection({ ...options, ...(await writableHost(hosts, options)) });
  for (const statement of SESSION) await connection.query(statement);
  return connection;
}

/** Client-side escaping needs backslashes to escape, and no rule may depend on the server's time zone or SQL mode. */
const SESSION = [
  `SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 30,
   sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`,
  "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
];

/** The connections to the database, and what is known about its server. */
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import { type Connection, createConnection, type Pool } from "mysql2/promise";
import { type Capability, DEFAULTS } from "../config.ts";
import { locate } from "./driver-errors.ts";
import { type Facts, readFacts, TIDB_TRANSACTION_LIMIT, vendorOf } from "./facts.ts";
import { quoted } from "./grants.ts";
import { routeTo, writableHost } from "./hosts.ts";
import type { EndedRun } from "./ledger.ts";
import { type PasswordSource, signIn } from "./password.ts";
import { openPool } from "./pool.ts";
import { Readiness } from "./readiness.ts";
import { readOnlyBy } from "./requirements.ts";
import { assertSession, SET_SESSION, sessionError } from "./session-variables.ts";
import { Turnstile } from "./turnstile.ts";
import { parseUrl } from "./url.ts";

/** The share of the pool's connections that requests that write may use. The others are left for reads. */
const WRITERS_SHARE = 0.3;
/** How many connections an import, a backup or a restore holds. Now and then it asks for one more. */
const CONNECTIONS_PER_RUN = 3;

export interface Database {
  db: MySql2Database;
  pool: Pool;
  /** Name of the database (schema) that the connections use. */
  name: string;
  server: Server;
  /** What the server can be used for now. */
  readiness: Readiness;
  /** Limits the requests that write at once, so that connections are left for reads. */
  writers: Turnstile;
  /** Limits the runs that hold several connections at once, so that one connection is left for their other queries. */
  longRuns: Turnstile;
  /**
   * Uses no connection again that is open now. Call it if the server refuses writes because it is read-only, or has ended
   * connections.
   */
  renewConnections(): void;
  /** Called with every run that has ended in this process. */
  ended: Set<(run: EndedRun) => void>;
  close(): Promise<void>;
}

/** What the server supports, as far as Muster may use it. */
export interface Server {
  version: string;
  /** Whether rows can be loaded by LOAD DATA LOCAL INFILE. By default MySQL 8 and later do not allow it. */
  loadsData: boolean;
  /** Whether a stage may take an empty table's place. */
  swaps: boolean;
  /** Whether a transaction's snapshot begins with its first read, and not with the transaction. */
  snapshotsAtFirstRead: boolean;
  /** Whether the server frees the locks of a refused statement in the background, after its error. InnoDB keeps them. */
  freesLocksLater: boolean;
  /** Whether GET_LOCK waits for any time, and serves those that wait in the order of their arrival. */
  queuesLocks: boolean;
  /** Whether IS_USED_LOCK names the connection that holds a lock. */
  namesHolders: boolean;
  /** Whether information_schema.referential_constraints names the database of a foreign key's parent. */
  namesParents: boolean;
  /** Bytes above which the server refuses a transaction, and the setting that says so; undefined if there is no limit. */
  transactionLimit: { bytes: number; setting: string } | undefined;
}

export interface ConnectOptions {
  /** What Muster must do without (MUSTER_CAPABILITIES). */
  capabilities?: readonly Capability[];
  /** Connections of the pool (DATABASE_CONNECTIONS). */
  connections?: number;
  /** Where the password comes from, if it is not in the URL. */
  password?: PasswordSource | undefined;
}

/**
 * Opens a pool on `mysql://user:password@host:port/database`. If the URL names several hosts, the pool uses the one that takes
 * writes. Every connection has the session variables that Muster needs (session-variables.ts), whatever the server's defaults
 * are.
 * @throws MusterError `invalid` for a malformed URL, `refused` for a server that Muster cannot use; the driver's error if
 *   no host answers
 */
export async function connect(
  url: string,
  { capabilities = [], connections = DEFAULTS.DATABASE_CONNECTIONS, password }: ConnectOptions = {},
): Promise<Database> {
  const { hosts, database, options } = parseUrl(url);
  const route = await routeTo(hosts, options, password);
  const { pool, renew } = openPool({ ...options, ...route.options, database }, connections, password);
  const moveOn = () => {
    route.forget();
    renew();
  };
  try {
    const facts = await factsOf(pool);
    const readiness = new Readiness(facts, async () => {
      const seen = await factsOnce(url, password);
      if (readOnlyBy(seen.variables) === undefined) moveOn();
      return seen;
    });
    return {
      db: drizzle(pool),
      pool,
      name: facts.database,
      server: serverOf(facts, capabilities),
      readiness,
      writers: new Turnstile(Math.max(1, Math.floor(connections * WRITERS_SHARE))),
      longRuns: new Turnstile(Math.max(1, Math.floor((connections - 1) / CONNECTIONS_PER_RUN))),
      ended: new Set(),
      renewConnections() {
        moveOn();
        readiness.forget();
      },
      close: () => pool.end(),
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** One line for the log that says how rows get into tables on this server. */
export function describeLoading({ version, loadsData, swaps }: Server): string {
  const load = loadsData ? "LOAD DATA" : "multi-row INSERT";
  return `database server ${version}: files are loaded by ${load}, and empty tables filled by ${swaps ? "swap" : "INSERT"}`;
}

async function factsOf(pool: Pool): Promise<Facts> {
  const connection = await pool.getConnection();
  try {
    const facts = await readFacts(connection);
    assertSession(facts.variables);
    return facts;
  } finally {
    connection.release();
  }
}

/** Reads the facts over a new connection, from the host that takes writes now. */
async function factsOnce(url: string, password?: PasswordSource): Promise<Facts> {
  const connection = await connectOnce(url, password);
  try {
    await connection.query(`USE ${quoted(parseUrl(url).database)}`);
    return await readFacts(connection);
  } finally {
    connection.destroy();
  }
}

function serverOf({ variables }: Facts, capabilities: readonly Capability[]): Server {
  const version = variables.get("version") ?? "";
  const isInnodb = vendorOf(version) !== "TiDB";
  return {
    version,
    loadsData: variables.get("local_infile") === "ON" && !capabilities.includes("no-load-data"),
    // On TiDB others see a RENAME while it still waits for readers, so its old table could not be checked and taken back.
    swaps: isInnodb && !capabilities.includes("no-swap"),
    snapshotsAtFirstRead: isInnodb,
    freesLocksLater: !isInnodb,
    queuesLocks: isInnodb,
    namesHolders: isInnodb,
    namesParents: isInnodb,
    transactionLimit: transactionLimitOf(variables),
  };
}

/** The settings of a MySQL group, of TiDB and of Galera. The first one that the server has is its limit, and 0 means none. */
const TRANSACTION_LIMITS = [
  "group_replication_transaction_size_limit",
  TIDB_TRANSACTION_LIMIT,
  "tidb_mem_quota_query",
  "wsrep_max_ws_size",
];

function transactionLimitOf(variables: Facts["variables"]): Server["transactionLimit"] {
  const has = (name: string) =>
    variables.has(name) && !(name.startsWith("wsrep") && variables.get("wsrep_on") !== "ON");
  const setting = TRANSACTION_LIMITS.find(has);
  const bytes = Number(variables.get(setting ?? ""));
  return setting !== undefined && bytes > 0 ? { bytes, setting } : undefined;
}

/** Opens one connection before there is a pool. It has the same session variables, and no default database. */
export async function connectOnce(url: string, password?: PasswordSource): Promise<Connection> {
  const { hosts, options } = parseUrl(url);
  const host = await writableHost(hosts, options, password);
  const open = (login: { password?: string }) => createConnection({ ...options, ...host, ...login });
  const connection = await signIn(password, open).catch((error) => {
    throw locate(error, host);
  });
  try {
    await connection.query(SET_SESSION);
    return connection;
  } catch (error) {
    connection.destroy();
    throw sessionError(error);
  }
}

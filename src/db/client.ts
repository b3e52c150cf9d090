import { readFileSync } from "node:fs";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import { type Connection, type ConnectionOptions, createConnection, createPool, type Pool } from "mysql2/promise";
import type { Capability } from "../config.ts";
import { MusterError } from "../errors.ts";
import { driverError } from "./errors.ts";
import type { EndedRun } from "./ledger.ts";
import { Turnstile } from "./transaction.ts";

/**
 * Connections a process keeps at most; a server answers 151 in all by default. Two imports and a restore hold ten and
 * writers six, which leaves some to those who read.
 */
export const POOL_CONNECTIONS_MAX = 20;
const WRITERS_MAX = 6;
const CONNECT_TIMEOUT_MS = 5_000;

export interface Database {
  db: MySql2Database;
  pool: Pool;
  /** Name of the database (schema) that the connections use. */
  name: string;
  server: Server;
  /** What requests that write pass, so that they leave connections for those that read. */
  writers: Turnstile;
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
 * Opens a pool on `mysql://user:password@host:port/database`; of several hosts the first that takes writes.
 * Every connection is UTC, strict and utf8mb4, whatever the server's defaults are.
 * @param capabilities what is not made use of
 * @throws MusterError `invalid` for a URL that is not one; the driver's error where no host answers
 */
export async function connect(url: string, capabilities: readonly Capability[] = []): Promise<Database> {
  const { hosts, database, options } = parseUrl(url);
  const host = await writableHost(hosts, options);
  const pool = createPool({ ...options, ...host, database, connectionLimit: POOL_CONNECTIONS_MAX });
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
     ('version', 'auto_increment_increment', 'local_infile', 'group_replication_transaction_size_limit', 'wsrep_on', 'wsrep_max_ws_size')`,
  );
  const variables = new Map(
    (rows as { Variable_name: string; Value: string }[]).map((row) => [row.Variable_name, row.Value]),
  );
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

type Host = Pick<ConnectionOptions, "host" | "port" | "socketPath">;

/**
 * What a DATABASE_URL says. WHATWG URL refuses a list of hosts, so the hosts are cut out first.
 * `?ssl=true` takes the system's authorities, `?ssl=FILE` the CA in that file; `?socket=PATH` is a Unix socket.
 */
export function parseUrl(url: string): { hosts: Host[]; database: string; options: ConnectionOptions } {
  const parts = /^mysql:\/\/(?:([^@/]*)@)?([^/?]*)\/([^?]*)(?:\?(.*))?$/.exec(url);
  if (!parts) throw malformed();
  const [, login = "", hostList = "", path = "", query = ""] = parts;
  const [user = "", password = ""] = login.split(/:(.*)/s).map(decoded);
  const database = decoded(path);
  if (!database) throw new MusterError("invalid", "DATABASE_URL names no database: add /NAME after the host");
  const parameters = new URLSearchParams(query);
  const socket = parameters.get("socket");
  const ssl = parameters.get("ssl");
  const unknown = [...parameters.keys()].find((name) => name !== "ssl" && name !== "socket");
  if (unknown !== undefined)
    throw new MusterError("invalid", `DATABASE_URL takes ?ssl= and ?socket=, not ?${unknown}=`);
  const options: ConnectionOptions = {
    user,
    password,
    timezone: "Z",
    dateStrings: true,
    supportBigNumbers: true,
    charset: "utf8mb4_unicode_ci",
    flags: ["+LOCAL_FILES"],
    connectTimeout: CONNECT_TIMEOUT_MS,
  };
  if (ssl && ssl !== "false") options.ssl = ssl === "true" ? {} : { ca: authority(ssl) };
  const hosts = socket ? [{ socketPath: socket }] : hostList.split(",").map(hostAndPort);
  return { hosts, database, options };
}

/** The text is not repeated: what was taken for a host may be a part of the password. */
const malformed = () =>
  new MusterError(
    "invalid",
    "DATABASE_URL must look like mysql://user:password@host:port/database, with % @ / ? in a name or password as %25 %40 %2F %3F",
  );

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed();
  }
}

function authority(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MusterError("invalid", `the CA file ${file} of DATABASE_URL's ?ssl= cannot be read (${code})`);
  }
}

function hostAndPort(text: string): Host {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:@]*))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits ?? 3306);
  if (!host || port > 65535) throw malformed();
  return { host, port };
}

/** The first host that answers and takes writes, else the last error. A cluster's other members are read-only. */
async function writableHost(hosts: Host[], options: ConnectionOptions): Promise<Host> {
  const [only, ...others] = hosts;
  if (only && others.length === 0) return only;
  let failure: unknown = new MusterError("unavailable", "none of the hosts of DATABASE_URL takes writes");
  for (const host of hosts) {
    try {
      const connection = await createConnection({ ...options, ...host });
      const [rows] = await connection.query("SELECT @@global.read_only AS readOnly");
      await connection.end();
      if (!(rows as { readOnly: number }[])[0]?.readOnly) return host;
    } catch (error) {
      if (!driverError(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

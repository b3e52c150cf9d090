/** The environment, read once at the start: the only place that knows the variables' names. */
import { isIP } from "node:net";
import { z } from "zod";
import { MusterError } from "./errors.ts";
import {
  BODY_BYTES_MAX,
  BODY_MS_MAX,
  BYTES_IN_FLIGHT_MAX,
  IMPORT_BYTES_MAX,
  IMPORT_REJECTS_MAX,
  type ImportLimits,
  type InFlightLimits,
  importLimits,
  RATE_LIMIT,
  REPORT_MS_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  UPLOAD_BYTES_PER_S_MIN,
  UPLOADS_MAX,
  WRITE_MS_MAX,
  WRITE_WAIT_MS_MAX,
} from "./limits.ts";

const blankIsUnset = (value: unknown) => (value === "" ? undefined : value);
const optional = z.preprocess(blankIsUnset, z.string().optional());

/** Any other scheme would be taken for the name of a directory. */
const isLocation = (text: string) => text.startsWith("s3://") || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text);

const whole = (fallback: number) =>
  z.preprocess(
    blankIsUnset,
    z
      .string()
      .regex(/^[1-9]\d{0,9}$/, "a whole number from 1 to 9999999999")
      .transform(Number)
      .default(fallback),
  );

/** Words with commas or blanks between. */
const list = <Word extends z.ZodType>(word: Word) =>
  z.preprocess(
    (value) => (typeof value === "string" ? value.split(/[, ]+/).filter((each) => each !== "") : []),
    z.array(word),
  );

/** As browsers send it: without a path, and without the scheme's own port. */
const isOrigin = (text: string) => /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;

function isNetwork(text: string): boolean {
  const [, address = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return Number(prefix ?? 0) <= bits;
}

/**
 * Connections a process keeps at most. A server answers 151 in all by default. Two imports and a restore hold ten and
 * writers six, which leaves some to those who read. An import or a restore alone needs five.
 */
export const DATABASE_CONNECTIONS = 20;
const DATABASE_CONNECTIONS_MIN = 5;
const CONNECTIONS = `a whole number of connections from ${DATABASE_CONNECTIONS_MIN} to 10000`;

const PORT = "a port number from 0 to 65535, 0 being any that is free";
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Words of MUSTER_CAPABILITIES: what is not made use of, whatever the server can do. */
export const CAPABILITIES = ["no-load-data", "no-swap"] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Messages go on after "set PORT to". */
const Environment = z.object({
  DATABASE_URL: optional,
  DATABASE_CONNECTIONS: z.preprocess(
    blankIsUnset,
    z
      .string()
      .regex(/^\d{1,5}$/, CONNECTIONS)
      .transform(Number)
      .pipe(z.number().min(DATABASE_CONNECTIONS_MIN, CONNECTIONS).max(10_000, CONNECTIONS))
      .default(DATABASE_CONNECTIONS),
  ),
  HOST: z.preprocess(blankIsUnset, z.string().default("127.0.0.1")),
  PORT: z.preprocess(
    blankIsUnset,
    z
      .string()
      .regex(/^\d{1,5}$/, PORT)
      .transform(Number)
      .pipe(z.number().max(65535, PORT))
      .default(3000),
  ),
  IMPORT_SOURCE: z.preprocess(
    blankIsUnset,
    z.string().refine(isLocation, "a directory, a file or s3://bucket/prefix/").optional(),
  ),
  BACKUP_STORE: z.preprocess(
    blankIsUnset,
    z.string().refine(isLocation, "a directory or s3://bucket/prefix").default("./backups"),
  ),
  API_TOKENS: optional,
  CORS_ORIGINS: list(z.string().refine(isOrigin, "origins such as https://app.example.com, with commas between")),
  RATE_LIMIT: z.preprocess(
    blankIsUnset,
    z
      .string()
      .regex(/^\d{1,9}$/, "a whole number of requests a minute, or 0 for no limit")
      .transform(Number)
      .optional(),
  ),
  TRUSTED_PROXY: list(
    z.string().refine(isNetwork, "the addresses of your proxies, such as 10.0.0.7 or 10.0.0.0/8, with commas between"),
  ),
  BODY_BYTES_MAX: whole(BODY_BYTES_MAX),
  BODY_MS_MAX: whole(BODY_MS_MAX),
  BYTES_IN_FLIGHT_MAX: whole(BYTES_IN_FLIGHT_MAX),
  REQUESTS_IN_FLIGHT_MAX: whole(REQUESTS_IN_FLIGHT_MAX),
  IMPORT_BYTES_MAX: whole(IMPORT_BYTES_MAX),
  IMPORT_REJECTS_MAX: whole(IMPORT_REJECTS_MAX),
  UPLOADS_MAX: whole(UPLOADS_MAX),
  UPLOAD_BYTES_PER_S_MIN: whole(UPLOAD_BYTES_PER_S_MIN),
  WRITE_MS_MAX: whole(WRITE_MS_MAX),
  WRITE_WAIT_MS_MAX: whole(WRITE_WAIT_MS_MAX),
  REPORT_MS_MAX: whole(REPORT_MS_MAX),
  MUSTER_MYSQLD: optional,
  MUSTER_CAPABILITIES: list(
    z.enum(CAPABILITIES, { error: `${CAPABILITIES.join(" or ")}, or both with a comma between` }),
  ),
  LOG_LEVEL: z.preprocess(
    blankIsUnset,
    z.enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(", ")}` }).default("info"),
  ),
});

/** Where the private server keeps its data, and the sample lies: in the folder that a command is run in. */
export const DATA_FOLDER = ".data";

/** What each variable means, with its default in brackets; `npm start -- --help` lists them. README has more on each. */
const MEANINGS: Record<keyof typeof Environment.shape, string> = {
  DATABASE_URL: "mysql://user:password@host:port/database (a private server in .data)",
  DATABASE_CONNECTIONS: `connections to the database that are kept at most (${DATABASE_CONNECTIONS})`,
  HOST: "the address to serve on (127.0.0.1)",
  PORT: "the port to serve on (3000)",
  IMPORT_SOURCE: "a directory, a file or s3://bucket/prefix/ to load at the first start (the sample)",
  BACKUP_STORE: "where backups lie: a directory or s3://bucket/prefix (./backups)",
  API_TOKENS: "reader:TOKEN,writer:TOKEN,admin:TOKEN (no tokens, and only this machine is answered)",
  CORS_ORIGINS: "origins of web pages that may use the service (none)",
  RATE_LIMIT: `requests a minute of one token or address, 0 for no limit (${RATE_LIMIT} with API_TOKENS)`,
  TRUSTED_PROXY: "addresses of proxies whose X-Forwarded-For is believed (none)",
  BODY_BYTES_MAX: `bytes of a request's body (${BODY_BYTES_MAX})`,
  BODY_MS_MAX: `milliseconds in which a request's body must have come (${BODY_MS_MAX})`,
  BYTES_IN_FLIGHT_MAX: `bytes of bodies that are held at once (${BYTES_IN_FLIGHT_MAX})`,
  REQUESTS_IN_FLIGHT_MAX: `requests that are answered at once (${REQUESTS_IN_FLIGHT_MAX})`,
  IMPORT_BYTES_MAX: `bytes of a body that is imported (${IMPORT_BYTES_MAX})`,
  IMPORT_REJECTS_MAX: `rejected rows of one import over HTTP that are kept (${IMPORT_REJECTS_MAX})`,
  UPLOADS_MAX: `bodies that are received or imported at once (${UPLOADS_MAX})`,
  UPLOAD_BYTES_PER_S_MIN: `bytes a second of a body that is imported (${UPLOAD_BYTES_PER_S_MIN})`,
  WRITE_MS_MAX: `milliseconds of a request that writes (${WRITE_MS_MAX})`,
  WRITE_WAIT_MS_MAX: `milliseconds that writes wait for their turn before no more are taken (${WRITE_WAIT_MS_MAX})`,
  REPORT_MS_MAX: `milliseconds of a report (${REPORT_MS_MAX})`,
  MUSTER_MYSQLD: "the private server's program (mysqld or mariadbd of PATH)",
  MUSTER_CAPABILITIES: `${CAPABILITIES.join(", ")}: what is not made use of (none)`,
  LOG_LEVEL: `${LOG_LEVELS.join(", ")} (info)`,
};

/** The variables with their meanings, as lines of a help text. */
export function variablesText(): string {
  const width = Math.max(...Object.keys(MEANINGS).map((name) => name.length));
  const all = { ...MEANINGS, "AWS_*": "the AWS SDK's own, for s3://" };
  const lines = Object.entries(all).map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`);
  return lines.join("\n");
}

export interface Config {
  /** Undefined: Muster runs a database server of its own. */
  databaseUrl: string | undefined;
  /** Connections to the database that this process keeps at most. */
  databaseConnections: number;
  host: string;
  port: number;
  importSource: string | undefined;
  /** A directory or `s3://bucket/prefix`. */
  backupStore: string;
  tokens: string | undefined;
  /** Origins of pages that may read answers. */
  corsOrigins: readonly string[];
  /** Requests a minute of one token or address; 0 for no limit. */
  rateLimit: number;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
  /** Bytes of a request's body. */
  bodyBytesMax: number;
  importLimits: ImportLimits;
  inFlight: InFlightLimits;
  /** A request that writes is given up after so many milliseconds. */
  writeMsMax: number;
  reportMsMax: number;
  mysqld: string | undefined;
  /** What is not made use of, whatever the server can do. */
  capabilities: readonly Capability[];
  logLevel: string;
}

/** @throws MusterError `invalid` that names each variable at fault, never its value */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const faults = new Map(parsed.error.issues.map(({ path: [variable], message }) => [variable, message]));
    const lines = [...faults].map(([variable, wanted]) => `set ${String(variable)} to ${wanted}`);
    throw new MusterError("invalid", lines.join("; "));
  }
  const { data } = parsed;
  return {
    databaseUrl: data.DATABASE_URL,
    databaseConnections: data.DATABASE_CONNECTIONS,
    host: data.HOST,
    port: data.PORT,
    importSource: data.IMPORT_SOURCE,
    backupStore: data.BACKUP_STORE,
    tokens: data.API_TOKENS,
    corsOrigins: data.CORS_ORIGINS,
    // Without tokens nobody but this machine is answered.
    rateLimit: data.RATE_LIMIT ?? (data.API_TOKENS === undefined ? 0 : RATE_LIMIT),
    trustedProxies: data.TRUSTED_PROXY,
    bodyBytesMax: data.BODY_BYTES_MAX,
    importLimits: importLimits({
      bytesMax: data.IMPORT_BYTES_MAX,
      rejectsMax: data.IMPORT_REJECTS_MAX,
      uploadsMax: data.UPLOADS_MAX,
      bytesPerSecondMin: data.UPLOAD_BYTES_PER_S_MIN,
    }),
    inFlight: {
      bytesMax: data.BYTES_IN_FLIGHT_MAX,
      requestsMax: data.REQUESTS_IN_FLIGHT_MAX,
      bodyMsMax: data.BODY_MS_MAX,
      waitMsMax: data.WRITE_WAIT_MS_MAX,
    },
    writeMsMax: data.WRITE_MS_MAX,
    reportMsMax: data.REPORT_MS_MAX,
    mysqld: data.MUSTER_MYSQLD,
    capabilities: data.MUSTER_CAPABILITIES,
    logLevel: data.LOG_LEVEL,
  };
}

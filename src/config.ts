/** Every setting of the environment, declared once. The table in docs/operating.md "Settings" is made from this file. */
import { z } from "zod";
import { listOf, type Option, oneOf, readOptions, text, wholeNumber } from "./options.ts";
import { isLocation, isNetwork, isOrigin, isPublicUrl } from "./setting-addresses.ts";

/** The folder for the private server's data and for the sample, below the current directory. */
export const DATA_FOLDER = ".data";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
const CAPABILITIES = ["no-load-data", "no-swap"] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Requests a minute: more than a client sends even if it pages through a whole table. */
const RATE_LIMIT_WITH_TOKENS = 30_000;
const MIB = 1024 * 1024;

export interface Setting extends Option {
  /** The commands that use it. `start` is the service. If this is missing, only the service uses it. */
  commands?: readonly (
    | "start"
    | "import"
    | "replay"
    | "backup"
    | "restore"
    | "bench"
    | "inspect"
    | "adopt"
    | "migrate"
  )[];
}
const all = ["start", "import", "inspect", "replay", "backup", "restore"] as const;

const count = (unit: string) => wholeNumber(`a whole number of ${unit}`, 1, 9_999_999_999);
// The most is 24 days, because a timer takes no longer time.
const milliseconds = wholeNumber("a whole number of milliseconds", 1, 2_147_483_647);

/** To add a setting, add it here. Its name is both the environment variable and the property of readConfig()'s result. */
export const SETTINGS = {
  DATABASE_URL: {
    type: text.optional(),
    about: "the database: mysql://user:password@host:port/database",
    unset: `a private server with its data in ${DATA_FOLDER}`,
    commands: [...all, "adopt", "migrate"],
  },
  DATABASE_PASSWORD_FILE: {
    type: text.optional(),
    about: "file with the password, read for each connection; DATABASE_URL has none then",
    commands: [...all, "adopt", "migrate"],
  },
  DATABASE_PASSWORD_COMMAND: {
    type: text.optional(),
    about: "command that prints the password or a token, run for each connection; DATABASE_URL has none then",
    commands: [...all, "adopt", "migrate"],
  },
  DATABASE_CONNECTIONS: {
    // A server takes 151 connections by default. Two imports and a restore use ten of our 20, and writers six. The other four
    // serve reads. The least is five, because an import or a restore alone needs five.
    type: wholeNumber("a whole number of connections", 5, 10_000).default(20),
    about: "how many connections to the database one process keeps at most",
    commands: all,
  },
  HOST: { type: text.default("127.0.0.1"), about: "address to serve on" },
  PORT: {
    type: wholeNumber("a port number", 0, 65_535).default(3000),
    about: "port to serve on; 0 takes any free one",
  },
  IMPORT_SOURCE: {
    type: text.refine(isLocation, "a directory, a file or s3://bucket/prefix/").optional(),
    about: "directory, file or s3://bucket/prefix/ that the first start loads, and that an import without SOURCE reads",
    unset: "a sample; with DATABASE_URL none",
    commands: ["start", "import"],
  },
  BACKUP_STORE: {
    type: text.refine(isLocation, "a directory or s3://bucket/prefix").default("./backups"),
    about: "directory or s3://bucket/prefix for backups",
    commands: ["start", "backup", "restore"],
  },
  "AWS_*": {
    // The AWS SDK reads these itself.
    type: text.optional(),
    about: "settings of the AWS SDK for s3://, such as AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL_S3",
    commands: ["start", "import", "inspect", "backup", "restore"],
  },
  API_TOKENS: {
    type: text.optional(),
    about: "tokens and their roles: reader:TOKEN,writer:TOKEN,admin:TOKEN",
    unset: "no token is needed, and only this machine is served",
  },
  RATE_LIMIT: {
    type: wholeNumber("a whole number of requests a minute", 0, 999_999_999).optional(),
    about: "how many requests a minute one token, or one address without a token, may send; 0 for no limit",
    unset: `${RATE_LIMIT_WITH_TOKENS} with API_TOKENS, 0 without`,
  },
  TRUSTED_PROXY: {
    type: listOf(
      text.refine(isNetwork, "the addresses of your proxies, such as 10.0.0.7 or 10.0.0.0/8, with commas between"),
    ),
    about: "addresses or networks of your proxies, whose X-Forwarded-For is believed: 10.0.0.7,10.1.0.0/16",
  },
  PUBLIC_URL: {
    type: text
      .refine(isPublicUrl, "the address at which your proxy serves Muster, such as https://hr.example.com/muster")
      .optional(),
    about: "address at which your proxy serves Muster: https://hr.example.com/muster. Link and Location have its path",
  },
  CORS_ORIGINS: {
    type: listOf(text.refine(isOrigin, "origins such as https://app.example.com, with commas between")),
    about: "origins of web pages that may call the service: https://app.example.com",
  },
  // A thousand rows of the tables in db/schema.ts are about 100 KB.
  BODY_BYTES_MAX: {
    type: count("bytes").default(8 * MIB),
    about: "largest body of a request in bytes, except for POST /imports",
  },
  BODY_MS_MAX: { type: milliseconds.default(60_000), about: "milliseconds within which that body must arrive" },
  // This is long enough for the longest wait for a lock, and one or two retries after it.
  WRITE_MS_MAX: {
    type: milliseconds.default(60_000),
    about: "milliseconds after which a write is given up",
    commands: ["start", "replay"],
  },
  // A report reads every hire of its year.
  REPORT_MS_MAX: { type: milliseconds.default(30_000), about: "milliseconds after which a report is given up" },
  // A body takes up to eight times its size until it is answered.
  BYTES_IN_FLIGHT_MAX: {
    type: count("bytes").default(24 * MIB),
    about: "how many bytes of request bodies are held at once; further requests get 503",
  },
  REQUESTS_IN_FLIGHT_MAX: {
    type: count("requests").default(1_000),
    about: "how many requests are answered at once; further ones get 503",
  },
  // Clients do not wait much longer than this.
  WRITE_WAIT_MS_MAX: {
    type: milliseconds.default(3_000),
    about: "milliseconds that a write may wait for its turn; while one has waited longer, further writes get 503",
  },
  // This is more than a hundred million rows of the tables in db/schema.ts. The body is stored on disk, not held in memory.
  IMPORT_BYTES_MAX: {
    type: count("bytes").default(8 * 1024 * MIB),
    about: "largest body of POST /imports in bytes, both as sent and as unpacked",
  },
  // Nobody corrects more rows by hand, and even a small gzip file can hold a billion bad ones.
  IMPORT_REJECTS_MAX: {
    type: count("rows").default(100_000),
    about: "how many rejected rows one POST /imports keeps; one more ends it, unless its max_rejects is higher",
  },
  // Each body takes a file on disk, and up to 2 MB of memory.
  UPLOADS_MAX: {
    type: count("bodies").default(32),
    about: "how many bodies of POST /imports are received or imported at once; further ones get 429",
  },
  // Even a slow mobile connection is faster.
  UPLOAD_BYTES_PER_S_MIN: {
    type: count("bytes").default(16 * 1024),
    about: "how many bytes a second of the body of POST /imports must arrive on average",
  },
  MUSTER_MYSQLD: {
    type: text.optional(),
    about: "program of the private server",
    unset: "mysqld or mariadbd from PATH",
    commands: [...all, "migrate", "bench"],
  },
  MUSTER_CAPABILITIES: {
    type: listOf(z.enum(CAPABILITIES, { error: `${CAPABILITIES.join(" or ")}, or both with a comma between` })),
    about:
      "what not to use even if the server can: no-load-data (INSERT instead), no-swap (fill empty tables by INSERT)",
    commands: all,
  },
  LOG_LEVEL: {
    type: oneOf(LOG_LEVELS).default("info"),
    about: `least severe lines that are logged: ${LOG_LEVELS.join(", ")}`,
    commands: [...all, "migrate"],
  },
} as const satisfies Record<string, Setting>;

export type Config = ReturnType<typeof readConfig>;

/**
 * @throws MusterError `invalid` that says what to set each wrong variable to. It does not repeat the values: they may be secret
 */
export function readConfig(environment: Record<string, string | undefined>) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const settings = readOptions(SETTINGS, given, (name, wanted) => `set ${name} to ${wanted}`);
  const { API_TOKENS, RATE_LIMIT = API_TOKENS === undefined ? 0 : RATE_LIMIT_WITH_TOKENS } = settings;
  return { ...settings, RATE_LIMIT };
}

/** The settings of an empty environment. */
export const DEFAULTS = readConfig({});

/** The settings that a command uses. */
export function settingsOf(command: string): Record<string, Setting> {
  const settings: [string, Setting][] = Object.entries(SETTINGS);
  return Object.fromEntries(
    settings.filter(([, { commands = ["start"] }]) => commands.some((each) => each === command)),
  );
}

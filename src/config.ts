/** The environment, read once at the start: the only place that knows the variables' names (design section 3). */
import { z } from "zod";
import { MusterError } from "./errors.ts";

const blankIsUnset = (value: unknown) => (value === "" ? undefined : value);
const optional = z.preprocess(blankIsUnset, z.string().optional());

const whole = z.preprocess(
  blankIsUnset,
  z
    .string()
    .regex(/^[1-9]\d{0,9}$/, "must be a whole number")
    .transform(Number)
    .optional(),
);

/** Words of MUSTER_CAPABILITIES: what is not made use of, whatever the server can do. */
export const CAPABILITIES = ["no-load-data", "no-swap"] as const;
export type Capability = (typeof CAPABILITIES)[number];

const Environment = z.object({
  DATABASE_URL: optional,
  HOST: z.preprocess(blankIsUnset, z.string().default("127.0.0.1")),
  PORT: z.preprocess(
    blankIsUnset,
    z
      .string()
      .regex(/^\d{1,5}$/, "must be a port number")
      .transform(Number)
      .pipe(z.number().max(65535))
      .default(3000),
  ),
  IMPORT_SOURCE: optional,
  BACKUP_STORE: z.preprocess(blankIsUnset, z.string().default("./backups")),
  API_TOKENS: optional,
  BODY_BYTES_MAX: whole,
  WRITE_MS_MAX: whole,
  MUSTER_MYSQLD: optional,
  MUSTER_CAPABILITIES: z.preprocess(
    (value) => (typeof value === "string" ? value.split(",").filter((word) => word !== "") : []),
    z.array(z.enum(CAPABILITIES, { error: `takes ${CAPABILITIES.join(" and ")}, with a comma between` })),
  ),
  LOG_LEVEL: z.preprocess(
    blankIsUnset,
    z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  ),
});

/** Where the private server keeps its data, and the sample lies: in the folder that a command is run in. */
export const DATA_FOLDER = ".data";

/** A thousand rows of the dictionary have about a hundred thousand bytes. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Longer than any wait for a lock, and a retry or two after it. */
export const WRITE_MS_MAX = 60_000;

export interface Config {
  /** Undefined: Muster runs a database server of its own. */
  databaseUrl: string | undefined;
  host: string;
  port: number;
  importSource: string | undefined;
  /** A directory or `s3://bucket/prefix`. */
  backupStore: string;
  tokens: string | undefined;
  /** Bytes of a request's body. */
  bodyBytesMax: number;
  /** A request that writes is given up after so many milliseconds. */
  writeMsMax: number;
  mysqld: string | undefined;
  /** What is not made use of, whatever the server can do. */
  capabilities: readonly Capability[];
  logLevel: string;
}

/** @throws MusterError `invalid` that names each variable at fault, never its value */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new MusterError("invalid", `the environment is not usable: ${faults.join("; ")}`);
  }
  const { data } = parsed;
  return {
    databaseUrl: data.DATABASE_URL,
    host: data.HOST,
    port: data.PORT,
    importSource: data.IMPORT_SOURCE,
    backupStore: data.BACKUP_STORE,
    tokens: data.API_TOKENS,
    bodyBytesMax: data.BODY_BYTES_MAX ?? BODY_BYTES_MAX,
    writeMsMax: data.WRITE_MS_MAX ?? WRITE_MS_MAX,
    mysqld: data.MUSTER_MYSQLD,
    capabilities: data.MUSTER_CAPABILITIES,
    logLevel: data.LOG_LEVEL,
  };
}

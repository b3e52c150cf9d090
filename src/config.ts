/** The environment, read once at the start: the only place that knows the variables' names (design section 3). */
import { z } from "zod";
import { MusterError } from "./errors.ts";

const blankIsUnset = (value: unknown) => (value === "" ? undefined : value);
const optional = z.preprocess(blankIsUnset, z.string().optional());

/** Any other scheme would be taken for the name of a directory. */
const isLocation = (text: string) => text.startsWith("s3://") || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text);

const whole = z.preprocess(
  blankIsUnset,
  z
    .string()
    .regex(/^[1-9]\d{0,9}$/, "a whole number from 1 to 9999999999")
    .transform(Number)
    .optional(),
);

const PORT = "a port number from 0 to 65535, 0 being any that is free";
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Words of MUSTER_CAPABILITIES: what is not made use of, whatever the server can do. */
export const CAPABILITIES = ["no-load-data", "no-swap"] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Messages go on after "set PORT to". */
const Environment = z.object({
  DATABASE_URL: optional,
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
  BODY_BYTES_MAX: whole,
  WRITE_MS_MAX: whole,
  MUSTER_MYSQLD: optional,
  MUSTER_CAPABILITIES: z.preprocess(
    (value) => (typeof value === "string" ? value.split(/[, ]+/).filter((word) => word !== "") : []),
    z.array(z.enum(CAPABILITIES, { error: `${CAPABILITIES.join(" or ")}, or both with a comma between` })),
  ),
  LOG_LEVEL: z.preprocess(
    blankIsUnset,
    z.enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(", ")}` }).default("info"),
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
    const faults = new Map(parsed.error.issues.map(({ path: [variable], message }) => [variable, message]));
    const lines = [...faults].map(([variable, wanted]) => `set ${String(variable)} to ${wanted}`);
    throw new MusterError("invalid", lines.join("; "));
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

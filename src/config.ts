/** The environment, read once at the start: the only place that knows the variables' names (design section 3). */
import { z } from "zod";
import { MusterError } from "./errors.ts";

const blankIsUnset = (value: unknown) => (value === "" ? undefined : value);
const optional = z.preprocess(blankIsUnset, z.string().optional());

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
  API_TOKENS: optional,
  MUSTER_MYSQLD: optional,
  LOG_LEVEL: z.preprocess(
    blankIsUnset,
    z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  ),
});

/** Where the private server keeps its data, and the sample lies: in the folder that a command is run in. */
export const DATA_FOLDER = ".data";

export interface Config {
  /** Undefined: Muster runs a database server of its own. */
  databaseUrl: string | undefined;
  host: string;
  port: number;
  importSource: string | undefined;
  tokens: string | undefined;
  mysqld: string | undefined;
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
    tokens: data.API_TOKENS,
    mysqld: data.MUSTER_MYSQLD,
    logLevel: data.LOG_LEVEL,
  };
}

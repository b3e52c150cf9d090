import pino from "pino";
import { type AppDependencies, createApp } from "../../src/app.ts";
import type { Database } from "../../src/db/client.ts";

/** The service over a database, without a log unless one is given. */
export function appOver(database: Database, overrides: Partial<AppDependencies> = {}) {
  return createApp({ database, log: pino({ level: "silent" }), ...overrides });
}

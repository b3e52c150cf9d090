import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { type AppDependencies, createApp } from "../../src/app.ts";
import { DirectoryStore } from "../../src/backups/store-directory.ts";
import type { Database } from "../../src/db/client.ts";

/** The service over a database, without a log unless one is given. */
export function appOver(database: Database, overrides: Partial<AppDependencies> = {}) {
  const store = new DirectoryStore(join(tmpdir(), "muster-test-no-backups"));
  return createApp({ database, store, log: pino({ level: "silent" }), ...overrides });
}

/** A POST of JSON, for app.request() and fetch() alike; text is sent as it is. */
export function posted(body: unknown, headers: Record<string, string> = {}): RequestInit {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: text };
}

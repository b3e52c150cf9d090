import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { type AppDependencies, createApp } from "../../src/app.ts";
import { DirectoryStore } from "../../src/backups/store-directory.ts";
import type { MusterDatabase } from "../../src/repositories/muster-database.ts";

/** Longer than any test takes: on a slow machine no test may meet a time limit that it is not about. */
const LONG_MS = 3_600_000;

/** The service over a database, without a log and without time limits unless they are given. */
export function appOver(database: MusterDatabase, overrides: Partial<AppDependencies> = {}) {
  const store = new DirectoryStore(join(tmpdir(), "muster-test-no-backups"));
  return createApp({
    ...{ database, store, log: pino({ level: "silent" }), ...overrides },
    answerMsMax: { ready: LONG_MS, page: LONG_MS, report: LONG_MS, write: LONG_MS, ...overrides.answerMsMax },
    inFlight: { bodyMsMax: LONG_MS, waitMsMax: LONG_MS, ...overrides.inFlight },
    imported: { slowMsMax: LONG_MS, ...overrides.imported },
  });
}

/** A POST of JSON, for app.request() or fetch(). Text is sent as it is. */
export function posted(body: unknown, headers: Record<string, string> = {}): RequestInit {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: text };
}

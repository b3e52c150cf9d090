/** The service: opens the database, listens, and on SIGTERM or Ctrl-C closes everything in reverse order. */

import { once } from "node:events";
import { createApp } from "./app.ts";
import { openStore } from "./backups/open-store.ts";
import { asCalled, BUILD } from "./build.ts";
import { type Config, DATA_FOLDER, readConfig, settingsOf } from "./config.ts";
import { describeLoading } from "./db/database.ts";
import { isRefusal, lineOf } from "./db/driver-errors.ts";
import { stopAt } from "./debug-points.ts";
import { MusterError } from "./errors.ts";
import { assertBindable, readTokens } from "./http/auth.ts";
import { openLog } from "./http/log.ts";
import { WorkUnderWay } from "./http/under-way.ts";
import { loadFirst, notRead } from "./ingest/first-load.ts";
import { interruption } from "./interruption.ts";
import { limitsOf } from "./limits.ts";
import { type OpenDatabase, openDatabase } from "./open-database.ts";
import { helpText } from "./options.ts";
import { clearDeadRuns } from "./publish/recovery.ts";
import { forgetExpiredKeys } from "./repositories/kept-answers.ts";
import type { Report } from "./repositories/run-log.ts";
import { dictionary } from "./schema-check.ts";

/** At shutdown, work that goes on after its requests, and then requests, each have this long to finish. */
const FINISH_MS_MAX = 10_000;
/** At shutdown, the database's connections and the private server have this long to close. */
const CLOSE_MS_MAX = 20_000;
/** Bun closes a connection after this long without a byte. No answer waits so long for the database. */
const IDLE_S_MAX = 120;
/** Statuses that may be answered before the whole body has arrived. */
const EARLY = new Set([408, 413, 429, 503]);
/** Expired answers of Idempotency-Keys are deleted this often. */
const FORGET_EVERY_MS = 3_600_000;

const stopped = interruption(() => process.exit(1));

try {
  const [argument] = process.argv.slice(2);
  if (argument === "--help") {
    const help = helpText({
      usage: BUILD ? ["muster serve"] : ["npm start", "bun run src/main.ts"],
      about: `Serves the REST API, and a page for people at http://127.0.0.1:3000.
Without DATABASE_URL it starts a private database server, and at its first start loads IMPORT_SOURCE or a sample.`,
      flags: {},
      settings: settingsOf("start"),
      examples: ["IMPORT_SOURCE=./csv npm start", "PORT=8080 DATABASE_URL=mysql://user:password@host/hr npm start"].map(
        asCalled,
      ),
      exitCodes: "0 stopped by SIGTERM or Ctrl-C, 1 failed, 2 refused (wrong settings, a first load that was refused).",
    });
    console.log(help);
    process.exit(0);
  }
  if (argument !== undefined)
    throw new MusterError("invalid", `${argument}: the service takes no arguments; see --help for its settings`);
  stopAt(process.env.MUSTER_DEBUG_POINT);
  await serve(readConfig(process.env), stopped);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${lineOf(error)}\n`);
  process.exit(isRefusal(error) ? 2 : 1);
}

/** Serves until `stopped` aborts. @throws MusterError if it cannot start */
async function serve(config: Config, stopped: AbortSignal): Promise<void> {
  const tokens = readTokens(config.API_TOKENS);
  assertBindable(config.HOST, tokens);
  const { log, close } = await openLog(config.LOG_LEVEL, process.stdout.isTTY);
  const say = (line: string) => log.info(line);
  await using closing = new AsyncDisposableStack();
  closing.defer(close);

  const database = await openDatabase(config, { dictionary, use: "read", say });
  closing.defer(() => waitAtMost(CLOSE_MS_MAX, database.close()));
  say(describeLoading(database.server));
  const { readiness } = database;
  readiness.changed = (line) => log.warn(line);
  for (const line of readiness.lines()) log.warn(line);
  await clearDeadRuns(database, say);
  await load(database, config.IMPORT_SOURCE, { say, signal: stopped });
  if (stopped.aborted) return;

  const forget = async () => {
    if (!readiness.refusal("insert")) await forgetExpiredKeys(database.db);
  };
  await forget();
  const forgetting = setInterval(() => forget().catch(() => {}), FORGET_EVERY_MS);
  closing.defer(() => clearInterval(forgetting));

  const { RATE_LIMIT, TRUSTED_PROXY: proxies, CORS_ORIGINS: origins, PUBLIC_URL } = config;
  const work = new WorkUnderWay();
  const app = createApp({
    ...{ database, log, tokens, work, origins, ...limitsOf(config) },
    store: openStore(config.BACKUP_STORE),
    publicPath: PUBLIC_URL === undefined ? "" : new URL(PUBLIC_URL).pathname.replace(/\/+$/, ""),
    // With tokens the limiter is needed even if RATE_LIMIT is 0: it also limits how often an address may guess a token.
    rateLimit: tokens || RATE_LIMIT > 0 ? { perMinute: RATE_LIMIT || Number.POSITIVE_INFINITY, proxies } : undefined,
  });
  const server = listen(config, app.fetch);
  closing.defer(async () => {
    await waitAtMost(FINISH_MS_MAX, server.stop());
    await server.stop(true);
    say("Muster has stopped");
  });
  // This work ends before the server: clients that follow its events would keep the server from stopping.
  closing.defer(() => waitAtMost(FINISH_MS_MAX, work.stop()));
  say(`Muster serves ${server.url.href}`);
  await once(stopped, "abort");
}

/**
 * Loads data into the private server at its first start. With DATABASE_URL it loads nothing, and says so if a source is set.
 */
async function load(database: OpenDatabase, given: string | undefined, report: Report & { signal: AbortSignal }) {
  if (!database.embedded) {
    if (given !== undefined) report.say(notRead(given, "the service loads nothing into the database of DATABASE_URL"));
    return;
  }
  try {
    await loadFirst(database, { given, dataFolder: DATA_FOLDER }, report);
  } catch (error) {
    if (!report.signal.aborted) throw error;
    report.say("interrupted: the next start loads it again");
  }
}

function listen({ HOST, PORT }: Config, fetch: ReturnType<typeof createApp>["fetch"]) {
  const answer: typeof fetch = async (request, ...server) => {
    const response = await fetch(withHost(request), ...server);
    if (mayHaveMoreBody(request, response)) response.headers.set("Connection", "close");
    return response;
  };
  // Each route limits its body. Bun's own limit would not answer with a problem document.
  const maxRequestBodySize = Number.MAX_SAFE_INTEGER;
  try {
    return Bun.serve({ hostname: HOST, port: PORT, fetch: answer, idleTimeout: IDLE_S_MAX, maxRequestBodySize });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const line =
      code === "EADDRINUSE"
        ? `port ${PORT} of ${HOST} is in use: stop what uses it, or set PORT to another`
        : `cannot listen on ${HOST}, port ${PORT} (${code}): set HOST and PORT to others`;
    throw new MusterError("unavailable", line);
  }
}

/** Whether part of the body may still be on its way. Bun would keep such a connection, and server.stop() would wait for it. */
function mayHaveMoreBody(request: Request, { status }: Response): boolean {
  return request.body !== null && (!request.bodyUsed || EARLY.has(status));
}

/** Gives the request a full URL. An HTTP/1.0 request may name no host, so its URL is only a path, which `new URL()` refuses. */
function withHost(request: Request): Request {
  return URL.canParse(request.url) ? request : new Request(`http://localhost${request.url}`, request);
}

async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, Bun.sleep(ms)]);
}

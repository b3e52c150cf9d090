/** The service: reads the environment, opens the database, listens, and closes in reverse order on SIGTERM or Ctrl-C. */
import "./schema-check.ts";
import { once } from "node:events";
import { createApp } from "./app.ts";
import { openStore } from "./backups/open-store.ts";
import { type Config, DATA_FOLDER, readConfig, variablesText } from "./config.ts";
import { lanesOf } from "./db/database.ts";
import { isRefusal, lineOf } from "./db/driver-errors.ts";
import { MusterError } from "./errors.ts";
import { assertBindable, readTokens } from "./http/auth.ts";
import { openLog } from "./http/log.ts";
import { loadFirst, notRead } from "./ingest/first-load.ts";
import { ImportsUnderWay } from "./ingest/under-way.ts";
import { interruption } from "./interruption.ts";
import { type OpenDatabase, openDatabase } from "./open-database.ts";
import { clearDeadRuns } from "./publish/recovery.ts";
import { forgetExpiredKeys } from "./repositories/kept-answers.ts";
import type { Report } from "./repositories/run-log.ts";

/** What is in flight when the service is told to stop may take this long to finish; closing all else likewise. */
const FINISH_MS_MAX = 10_000;
const CLOSE_MS_MAX = 20_000;
/** Bun cuts a connection on which nothing moves for so long: longer than any answer waits for the database. */
const IDLE_S_MAX = 120;
/** Answers that may be given before all of a body has come. */
const EARLY = new Set([408, 413, 429, 503]);
/** Answers kept for Idempotency-Keys are looked through this often. */
const FORGET_EVERY_MS = 3_600_000;

const HELP = `Usage: npm start
       bun run src/main.ts

Serves the tables, reports, imports and backups, and a page for people at http://127.0.0.1:3000. Without
DATABASE_URL it starts a private database server, and loads IMPORT_SOURCE or a sample at its first start.
Variables of the environment (with what holds without them):

${variablesText()}`;

const stopped = interruption(() => process.exit(1));

try {
  const [argument] = process.argv.slice(2);
  if (argument === "--help") {
    console.log(HELP);
    process.exit(0);
  }
  if (argument !== undefined)
    throw new MusterError("invalid", "the service takes no arguments: --help lists the variables that it reads");
  await serve(readConfig(process.env), stopped);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${lineOf(error)}\n`);
  process.exit(isRefusal(error) ? 2 : 1);
}

/** Serves until `stopped` aborts. @throws MusterError where it cannot begin to */
async function serve(config: Config, stopped: AbortSignal): Promise<void> {
  const tokens = readTokens(config.tokens);
  assertBindable(config.host, tokens);
  const log = await openLog(config.logLevel, process.stdout.isTTY);
  const say = (line: string) => log.info(line);
  await using closing = new AsyncDisposableStack();

  const { databaseUrl: url, databaseConnections: connections, mysqld, capabilities } = config;
  const database = await openDatabase({
    url,
    folder: DATA_FOLDER,
    mysqld,
    capabilities,
    connections,
    use: "read",
    say,
  });
  closing.defer(() => within(CLOSE_MS_MAX, database.close()));
  say(lanesOf(database.server));
  const { look } = database;
  look.changed = (line) => log.warn(line);
  for (const line of look.lines()) log.warn(line);
  await clearDeadRuns(database, say);
  await load(database, config, { say, signal: stopped });
  if (stopped.aborted) return;
  const forget = async () => {
    if (!look.refusal("insert")) await forgetExpiredKeys(database.db);
  };
  await forget();
  const forgetting = setInterval(() => forget().catch(() => {}), FORGET_EVERY_MS);
  closing.defer(() => clearInterval(forgetting));
  const { bodyBytesMax, importLimits: imported, inFlight, writeMsMax, reportMsMax } = config;
  const store = openStore(config.backupStore);
  const imports = new ImportsUnderWay();
  const perMinute = config.rateLimit === 0 ? Number.POSITIVE_INFINITY : config.rateLimit;
  const rateLimit = tokens || config.rateLimit > 0 ? { perMinute, proxies: config.trustedProxies } : undefined;
  const answerMsMax = { write: writeMsMax, report: reportMsMax };
  const limits = { bodyBytesMax, imported, inFlight, answerMsMax, rateLimit };
  const app = createApp({ database, store, log, tokens, imports, origins: config.corsOrigins, ...limits });
  const server = listen(config, app.fetch);
  closing.defer(async () => {
    await within(FINISH_MS_MAX, server.stop());
    await server.stop(true);
    say("Muster has stopped");
  });
  // First of all: those who follow an import would keep the server from stopping.
  closing.defer(() => within(FINISH_MS_MAX, imports.stop()));
  say(`Muster serves ${server.url.href}`);
  await once(stopped, "abort");
}

/** Muster's own database is loaded at its first start; another one never, and what IMPORT_SOURCE is for is then said. */
async function load(database: OpenDatabase, { importSource: given }: Config, report: Report & { signal: AbortSignal }) {
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

function listen({ host, port }: Config, fetch: ReturnType<typeof createApp>["fetch"]) {
  try {
    // How long a body may be is each route's to say: Bun's own refusal is no problem document.
    const maxRequestBodySize = Number.MAX_SAFE_INTEGER;
    const answer: typeof fetch = async (request, ...server) => {
      const response = await fetch(withHost(request), ...server);
      if (isCutShort(request, response)) response.headers.set("Connection", "close");
      return response;
    };
    return Bun.serve({ hostname: host, port, fetch: answer, idleTimeout: IDLE_S_MAX, maxRequestBodySize });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      throw new MusterError(
        "unavailable",
        `port ${port} of ${host} is in use: stop what uses it, or set PORT to another`,
      );
    }
    throw new MusterError(
      "unavailable",
      `cannot listen on ${host}, port ${port} (${code}): set HOST and PORT to others`,
    );
  }
}

/** Whether a part of the body may be on its way still: Bun would keep the connection, and wait for it in server.stop(). */
function isCutShort(request: Request, { status }: Response): boolean {
  return request.body !== null && (!request.bodyUsed || EARLY.has(status));
}

/** HTTP/1.0 need not name a host, and Bun's URL is a path then. */
function withHost(request: Request): Request {
  return URL.canParse(request.url) ? request : new Request(`http://localhost${request.url}`, request);
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, Bun.sleep(ms)]);
}

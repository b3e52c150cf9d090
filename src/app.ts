/** The HTTP service, made from its dependencies: it reads no environment, connects to nothing and does not listen. */
import { Hono, type MiddlewareHandler } from "hono";
import { requestId } from "hono/request-id";
import type { Logger } from "pino";
import type { BackupStore } from "./backups/store.ts";
import { hiringTables } from "./codecs/hiring-tables.ts";
import { bounded } from "./db/bounded.ts";
import { authenticate, requires, type Tokens } from "./http/auth.ts";
import { crossOrigin, secured } from "./http/browser-policy.ts";
import { described, problems } from "./http/describe.ts";
import { jsonAnswers } from "./http/entity-tag.ts";
import type { Env } from "./http/env.ts";
import { InFlight } from "./http/in-flight.ts";
import { requestLog } from "./http/log.ts";
import { measured } from "./http/metrics.ts";
import { answerNotFound, refuseOtherMethods } from "./http/not-found.ts";
import { answerError } from "./http/problem.ts";
import { underPath } from "./http/public-path.ts";
import { limitRate, type RateLimit } from "./http/rate-limit.ts";
import { WorkUnderWay } from "./http/under-way.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { Frame } from "./page/frame.tsx";
import { htmlForPeople } from "./page/html-for-people.tsx";
import { openPageRoutes, viewRoutes } from "./page/page-routes.ts";
import type { MusterDatabase } from "./repositories/muster-database.ts";
import { backupRoutes } from "./routes/backups.ts";
import { docsRoutes } from "./routes/docs.ts";
import { healthRoutes } from "./routes/health.ts";
import { ImportRequests } from "./routes/import-request.ts";
import { importRoutes } from "./routes/imports.ts";
import { insertRoutes } from "./routes/insert.ts";
import { inspectRoutes } from "./routes/inspect.ts";
import { rejectionRoutes } from "./routes/rejections.ts";
import { reportRoutes } from "./routes/reports.ts";
import { runRoutes } from "./routes/runs.ts";
import { storedBackupRoutes } from "./routes/stored-backups.ts";
import { tableRoutes } from "./routes/table-rows.ts";

/** A client's X-Request-Id is kept if it has at most this length, and only letters, digits, `_`, `-` and `=`. */
const REQUEST_ID_LENGTH_MAX = 64;

export interface AppDependencies {
  database: MusterDatabase;
  log: Logger;
  /** If undefined, no token is needed, and only this machine is answered. */
  tokens?: Tokens | undefined;
  store: BackupStore;
  bodyBytesMax?: Limits["bodyBytesMax"];
  answerMsMax?: Partial<Limits["answerMsMax"]>;
  inFlight?: Partial<Limits["inFlight"]>;
  imported?: Partial<Limits["imported"]>;
  /** The caller must stop it before it stops the service. */
  work?: WorkUnderWay;
  /** If undefined, requests are not limited. */
  rateLimit?: RateLimit | undefined;
  /** Origins whose pages may read answers. */
  origins?: readonly string[];
  /** The path under which a proxy serves the app, such as `/muster`. */
  publicPath?: string;
}

/**
 * Mounts middleware and routes. Routes below `requires("reader")` need at least that role. Routes above it are open, and routes
 * that need another role call `requires` themselves.
 */
export function createApp(dependencies: AppDependencies) {
  const { database, store, log, tokens, answerMsMax, rateLimit, origins = [], publicPath = "" } = dependencies;
  const { bodyBytesMax = DEFAULT_LIMITS.bodyBytesMax, work = new WorkUnderWay() } = dependencies;
  const limits = { ...DEFAULT_LIMITS.imported, ...dependencies.imported };
  const msMax = { ...DEFAULT_LIMITS.answerMsMax, ...answerMsMax };
  const app = new Hono<Env>();
  app.onError(answerError(log));
  app.notFound(answerNotFound);
  const inFlight = new InFlight(dependencies.inFlight);
  const writes = { bodyBytesMax, msMax: msMax.write, inFlight };
  const metrics = measured(database);
  const pages = bounded(database, msMax.page);
  const reports = bounded(database, msMax.report);
  const rate = rateLimit && limitRate(rateLimit);
  const hiring = hiringTables(database.dictionary.tables);
  const frame = new Frame({ hasTokens: tokens !== undefined, hasReports: hiring !== undefined });
  const { limitGuesses } = rate ?? {};
  const imports = new ImportRequests({ database, work, log, limits, msMax: msMax.write });
  const page = {
    ...{ frame, database, pages, reports, store, work, log, tokens, limitGuesses },
    ...{ inFlight, bodyBytesMax, msMax: msMax.write, imports },
  };
  return app
    .use(
      requestId({ limitLength: REQUEST_ID_LENGTH_MAX }),
      requestLog(log),
      metrics.requests,
      secured,
      jsonAnswers,
      htmlForPeople(frame),
    )
    .use(publicPath === "" ? pass : underPath(publicPath))
    .use(origins.length > 0 ? crossOrigin(origins) : pass)
    .use(authenticate(tokens, origins))
    .route("/", healthRoutes(bounded(database, msMax.ready), metrics.answer))
    .use(described(rate?.requests ?? pass, { answers: problems(429) }))
    .route("/", docsRoutes(app, database.dictionary))
    .route("/", openPageRoutes(page))
    .route("/", viewRoutes(page))
    .use(requires("reader"))
    .use(refuseOtherMethods(app))
    .use("/page/*", async (c) => answerNotFound(c))
    .use(inFlight.counted())
    .route("/", reportRoutes(reports, hiring, inFlight))
    .route("/", runRoutes(pages, work.ended))
    .route("/", importRoutes(imports, database.dictionary))
    .route("/", inspectRoutes(pages, inFlight, bodyBytesMax))
    .route("/", rejectionRoutes(database, pages, writes))
    .route(
      "/",
      backupRoutes({ database, store, bodyBytesMax, inFlight, inTurn: work.backups, say: (line) => log.info(line) }),
    )
    .route("/", storedBackupRoutes(store, database.dictionary))
    .route("/", insertRoutes(database, writes))
    .route("/", tableRoutes(pages));
}

const pass: MiddlewareHandler = (_, next) => next();

export type App = ReturnType<typeof createApp>;

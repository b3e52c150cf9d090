/** The page for people: one file or folder a view (docs/http.md "The page"). */
import { Hono } from "hono";
import type { Logger } from "pino";
import type { BackupStore } from "../backups/store.ts";
import { requires, type Tokens } from "../http/auth.ts";
import { ownForm } from "../http/cookie-session.ts";
import type { Env } from "../http/env.ts";
import type { InFlight } from "../http/in-flight.ts";
import type { GuessLimit } from "../http/rate-limit.ts";
import type { WorkUnderWay } from "../http/under-way.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import type { ImportRequests } from "../routes/import-request.ts";
import { assetRoutes } from "./assets.ts";
import { backupViews } from "./backups/backup-views.tsx";
import { browseViews } from "./browse/browse-views.tsx";
import type { Frame } from "./frame.tsx";
import { loadViews } from "./load/load-views.tsx";
import { overviewRoutes } from "./overview/overview-routes.tsx";
import { rejectionViews } from "./rejections/rejection-views.ts";
import { reportsView } from "./reports/reports-view.tsx";
import { runEvents, runViews } from "./runs/run-views.tsx";
import { signInFirst, signInRoutes } from "./sign-in.tsx";

export interface PageDependencies {
  frame: Frame;
  database: MusterDatabase;
  /** The same database with a time limit on its queries. */
  pages: MusterDatabase;
  /** The same database with the time limit of reports. */
  reports: MusterDatabase;
  store: BackupStore;
  /** What goes on after its request. */
  work: WorkUnderWay;
  log: Logger;
  /** Milliseconds that a request may take to write, or to begin a run. */
  msMax: number;
  inFlight: InFlight;
  bodyBytesMax: number;
  tokens: Tokens | undefined;
  /** Undefined if requests are not limited. */
  limitGuesses: GuessLimit | undefined;
  imports: ImportRequests;
}

/** `/`, signing in and out, and the page's own files. They answer callers without a role too. */
export const openPageRoutes = (dependencies: PageDependencies) =>
  new Hono<Env>()
    .route("/", assetRoutes())
    .route("/", signInRoutes(dependencies))
    .route("/", overviewRoutes(dependencies));

/** The views below /page/. They need the role reader, and check for a higher role themselves. No other site can post to them. */
export function viewRoutes(dependencies: PageDependencies): Hono<Env> {
  const { frame, inFlight } = dependencies;
  const views = new Hono<Env>().route("/", runEvents(dependencies));
  views.use("/page/*", ownForm, signInFirst(frame), requires("reader"), inFlight.counted());
  views.route("/", backupViews(dependencies));
  views.route("/", loadViews(dependencies));
  views.route("/", reportsView(dependencies));
  views.route("/", rejectionViews(dependencies));
  views.route("/", browseViews(dependencies));
  views.route("/", runViews(dependencies));
  return views;
}

/** The page for people: one file or folder a view (docs/http.md "The page"). */
import { Hono } from "hono";
import { requires, type Tokens } from "../http/auth.ts";
import type { Env } from "../http/env.ts";
import type { InFlight } from "../http/in-flight.ts";
import type { GuessLimit } from "../http/rate-limit.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { assetRoutes } from "./assets.ts";
import type { Frame } from "./frame.tsx";
import { overviewRoutes } from "./overview.ts";
import { signInFirst, signInRoutes } from "./sign-in.tsx";

export interface PageDependencies {
  frame: Frame;
  database: MusterDatabase;
  /** The same database with a time limit on its queries. */
  pages: MusterDatabase;
  inFlight: InFlight;
  bodyBytesMax: number;
  tokens: Tokens | undefined;
  /** Undefined if requests are not limited. */
  limitGuesses: GuessLimit | undefined;
}

/** `/`, signing in and out, and the page's own files. They answer callers without a role too. */
export const openPageRoutes = ({ frame, pages, tokens, limitGuesses }: PageDependencies) =>
  new Hono<Env>()
    .route("/", assetRoutes())
    .route("/", signInRoutes({ frame, tokens, limitGuesses }))
    .route("/", overviewRoutes(pages, frame));

/** The views below /page/. They need the role reader, and check for a higher role themselves. */
export function viewRoutes({ frame, inFlight }: PageDependencies): Hono<Env> {
  const views = new Hono<Env>();
  views.use("/page/*", signInFirst(frame), requires("reader"), inFlight.counted());
  return views;
}

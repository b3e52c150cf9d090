/** @jsxImportSource hono/jsx */
/** What all pages share: the head, the navigation, and who is signed in. */
import type { Context } from "hono";
import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Env, has, type Role } from "../http/env.ts";
import { assetAddress } from "./assets.ts";

/** Headers of every page. Referrer-Policy is not `no-referrer`: forms would then send `Origin: null`, and be refused. */
export const PAGE_HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
  ].join("; "),
  "Cache-Control": "no-store",
  "Referrer-Policy": "same-origin",
};

/** htmx evaluates no text as code, writes no style of its own, and shows the error that an answer brings. */
const HTMX = JSON.stringify({
  ...{ allowEval: false, includeIndicatorStyles: false, selfRequestsOnly: true, historyCacheSize: 0 },
  // Back: the browser loads the page again.
  refreshOnHistoryMiss: true,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "[45]..", swap: true, error: true, target: "#problem", select: "#problem", swapOverride: "outerHTML" },
  ],
});

const ICON = `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%231f5f8b'/%3E%3Cpath d='M3 12V4l5 5 5-5v8' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E`;

/** The views that the navigation leads to. `role` is the least role that may use one. */
const VIEWS = [
  { name: "Overview", address: "./", role: "reader" },
  { name: "Reports", address: "page/reports", role: "reader" },
  { name: "Load a file", address: "page/load", role: "writer" },
  { name: "Rejections", address: "page/rejections", role: "reader" },
  { name: "Runs", address: "page/runs", role: "reader" },
  { name: "Backups", address: "page/backups", role: "admin" },
  { name: "Tables", address: "page/tables", role: "reader" },
  { name: "API", address: "docs", role: "reader" },
] as const;
export type ViewName = (typeof VIEWS)[number]["name"];

/** Whether the service asks for tokens, and which reports its tables allow. */
export interface Site {
  hasTokens: boolean;
  hasReports: boolean;
}

export interface Head {
  title: string;
  /** The view that the page belongs to. The navigation marks it. */
  view?: ViewName;
  /** What went wrong. It stands above the content. */
  problem?: string;
  status?: ContentfulStatusCode;
}

/** Answers whole pages. */
export class Frame {
  constructor(readonly site: Site) {}

  /** A page with this content. Its links are relative to the root of the service, whatever path a proxy adds before it. */
  answer(c: Context<Env>, { title, view, problem, status = 200 }: Head, content: Child): Response | Promise<Response> {
    const role = c.get("role");
    const { hasTokens, hasReports } = this.site;
    const views = VIEWS.filter(
      (each) => role !== undefined && has(role, each.role) && (hasReports || each.name !== "Reports"),
    );
    const page = (
      <html lang="en">
        <Metadata title={title} root={rootOf(c.req.path)} />
        <body>
          <a class="skip" href={`${hrefOf(c)}#main`}>
            Skip to the content
          </a>
          <header>
            <p class="brand">
              <a href="./">Muster</a> <small>Every row is accounted for.</small>
            </p>
            {role !== undefined && <Viewer role={role} hasTokens={hasTokens} bySession={isBySession(c)} />}
          </header>
          {views.length > 0 && (
            <nav aria-label="Views">
              {views.map(({ name, address }) => (
                <a href={address} aria-current={name === view ? "page" : undefined}>
                  {name}
                </a>
              ))}
            </nav>
          )}
          <main id="main" tabindex={-1}>
            <div id="problem" role="alert">
              {problem}
            </div>
            {content}
          </main>
        </body>
      </html>
    );
    return c.html(html`<!doctype html>${page}`, status, PAGE_HEADERS);
  }
}

function Metadata({ title, root }: { title: string; root: string }) {
  return (
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <base href={root} />
      <title>{title === "Muster" ? title : `${title} – Muster`}</title>
      <link rel="icon" href={ICON} />
      <link rel="stylesheet" href={assetAddress("style.css")} />
      <meta name="htmx-config" content={HTMX} />
      <script defer src={assetAddress("htmx.js")} />
      <script defer src={assetAddress("sse.js")} />
      <script defer src={assetAddress("page.js")} />
      <script defer src={assetAddress("grid.js")} />
    </head>
  );
}

function Viewer({ role, hasTokens, bySession }: { role: Role; hasTokens: boolean; bySession: boolean }) {
  if (!hasTokens) return <p class="viewer">No tokens are set: everyone on this machine is admin</p>;
  if (!bySession) return <p class="viewer">Authorized by a token with the role {role}</p>;
  return (
    <form class="viewer" method="post" action="sign-out">
      Signed in as {role} <button type="submit">Sign out</button>
    </form>
  );
}

/** The view that an address below it belongs to, if this role may use it. */
export const viewAt = (path: string, role: Role | undefined) =>
  VIEWS.find((view) => `${path}/`.startsWith(`/${view.address}/`) && role !== undefined && has(role, view.role));

/** The viewer's role. A page is only shown to somebody with a role, so it is never missing. */
export const roleOf = (c: Context<Env>): Role => c.get("role") ?? "reader";

const isBySession = (c: Context<Env>) => c.req.header("Authorization") === undefined;

/** The root of the service, relative to a path below it. */
export const rootOf = (path: string): string => "../".repeat(path.split("/").length - 2) || "./";

/**
 * The address of the page that is asked for, with its query, relative to the root. It begins with `./`: a path such as
 * `//evil.example` or `/javascript:` must not become the address of another site or a script.
 */
export function hrefOf(c: Context<Env>): string {
  const { pathname, search } = new URL(c.req.url);
  return `.${pathname}${search}`;
}

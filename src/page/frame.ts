/** What all pages share: no scripts, one stylesheet, and relative addresses, which also work under a path that a proxy adds. */
import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import { SESSION_HOURS } from "../http/cookie-session.ts";
import { STYLE } from "./style.ts";

/** HTML text. Values in a template are escaped, unless they are `Html` themselves. */
export type Html = ReturnType<typeof html>;

/** Headers of every page. Referrer-Policy is not `no-referrer`: forms would then send `Origin: null`, and be refused. */
export const PAGE_HEADERS = {
  "Content-Security-Policy": [
    `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; img-src data:`,
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  ].join("; "),
  "Cache-Control": "no-store",
  "Referrer-Policy": "same-origin",
};

const ICON = `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%231f5f8b'/%3E%3Cpath d='M3 12V4l5 5 5-5v8' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E`;

interface Frame {
  /** Stands at the top right: who is signed in. */
  who?: Html | string;
  /** The dashboard's address, relative to this page. */
  home?: string;
  /** Seconds after which the browser reloads the page. */
  refreshS?: number | undefined;
}

/** A whole page with this content. */
export const pageOf = (main: Html, { who = "", home = "./", refreshS }: Frame = {}): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refreshS !== undefined && html`<meta http-equiv="refresh" content="${refreshS}">`}
<title>Muster</title>
<link rel="icon" href="${ICON}">
<style>${raw(STYLE)}</style>
</head>
<body>
<header><div><h1><a href="${home}">Muster</a></h1><p>Every row is accounted for.</p></div>${who}</header>
<main>
${main}
</main>
</body>
</html>
`;

/** @param problem why the form is shown again */
export function signInPage(problem?: string): Html {
  return pageOf(
    html`<section class="alone" aria-labelledby="sign-in"><h2 id="sign-in">Sign in</h2>
<form method="post" action="sign-in">
${problem && html`<p class="bad" role="alert" id="problem">${problem}</p>`}
<label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password"${problem && raw(' aria-invalid="true" aria-describedby="problem"')}>
<button>Sign in</button>
</form>
<p class="note">Enter one of this service's tokens. You can then read here for ${SESSION_HOURS} hours. Requests that write need the token itself.</p>
</section>`,
  );
}

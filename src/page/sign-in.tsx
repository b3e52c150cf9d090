/** @jsxImportSource hono/jsx */
/** Signing in and out. A session is a cookie that stands for a token (http/cookie-session.ts). */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { z } from "zod";
import { indexOfToken, type Tokens } from "../http/auth.ts";
import { takeBody } from "../http/body.ts";
import { beginSession, endSession, ownForm, SESSION_HOURS } from "../http/cookie-session.ts";
import { type Answer, type Description, describe, headersOf, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { InFlight } from "../http/in-flight.ts";
import { negotiate } from "../http/negotiate.ts";
import { Refusal } from "../http/problem.ts";
import type { GuessLimit } from "../http/rate-limit.ts";
import { noQuery } from "../http/validate.ts";
import { FORM_TYPE, readForm } from "./form.ts";
import { type Frame, hrefOf } from "./frame.tsx";
import { redirectTo } from "./redirect.ts";

/** A form holds only a token and an address. */
const FORM_BYTES_MAX = 8 * 1024;
const Fields = z.object({ token: z.string().default(""), to: z.string().default("") });

interface Dependencies {
  frame: Frame;
  tokens: Tokens | undefined;
  /** Undefined if requests are not limited. */
  limitGuesses: GuessLimit | undefined;
}

export function signInRoutes({ frame, tokens, limitGuesses }: Dependencies) {
  // Forms have their own limit, so people can sign in even while other bodies use up the service's limit.
  const limited = takeBody(new InFlight(), FORM_BYTES_MAX);
  return new Hono<Env>()
    .post("/sign-in", describe(SIGN_IN), ownForm, limited, noQuery, async (c) => {
      const { token: sent, to } = readForm(c, Fields);
      const view = viewIn(to);
      if (!tokens) return redirectTo(c, view);
      const token = tokens[indexOfToken(sent.trim(), tokens)];
      limitGuesses?.(c, token === undefined);
      if (!token) {
        c.header("WWW-Authenticate", 'Bearer realm="muster", error="invalid_token"');
        return signInForm(c, frame, { to: view, problem: "This token is not known.", status: 401 });
      }
      await beginSession(c, token);
      return redirectTo(c, view);
    })
    .post("/sign-out", describe(SIGN_OUT), ownForm, limited, noQuery, (c) => {
      endSession(c);
      return redirectTo(c, "./");
    });
}

/** The addresses of views are resolved against this, to see what a browser would make of them. */
const ROOT = "http://root.invalid/";

/**
 * Reads the address of the view that a person wanted. Whatever the form says, the result is the overview or an address below
 * `page/`, never one of another site.
 * @returns relative to the root, `./` if the text is no such address
 */
function viewIn(to: string): string {
  if (!URL.canParse(to, ROOT)) return "./";
  const { origin, pathname, search } = new URL(to, ROOT);
  if (`${origin}/` !== ROOT || !(pathname === "/" || pathname.startsWith("/page/"))) return "./";
  return `.${pathname}${search}`;
}

/**
 * Shows the sign-in form if the request carries neither a token nor a session.
 * @throws Refusal 401 if it is a form that would write: what the person typed must not be lost
 */
export function signInFirst(frame: Frame): MiddlewareHandler<Env> {
  return (c, next) => {
    negotiate(c, ["text/html"]);
    if (c.get("role") !== undefined || c.req.header("Authorization") !== undefined) return next();
    if (c.req.method !== "GET" && c.req.method !== "HEAD") throw sessionEnded();
    // Elsewhere a cookie of this path cannot be removed. It is replaced when the person signs in.
    if (c.get("guessed") && c.req.path === "/") endSession(c);
    // A part of a page cannot be a form for signing in: the browser loads the page again, and gets the form.
    if (c.req.header("HX-Request") !== undefined) return Promise.resolve(c.body(null, 401, { "HX-Refresh": "true" }));
    return Promise.resolve(signInForm(c, frame, { to: hrefOf(c), status: 200 }));
  };
}

const sessionEnded = () =>
  new Refusal(401, "the session has ended: sign in, in another tab to keep what you typed, and send this again", {
    headers: { "WWW-Authenticate": 'Bearer realm="muster"' },
  });

/** @param to the view that the person wanted @param problem why the form is shown again */
function signInForm(
  c: Context<Env>,
  frame: Frame,
  { to, problem, status }: { to: string; problem?: string; status: 200 | 401 },
) {
  return frame.answer(
    c,
    { title: "Sign in", status },
    <section class="card alone" aria-labelledby="sign-in">
      <h1 id="sign-in">Sign in</h1>
      <form class="stack" method="post" action="sign-in">
        {problem !== undefined && (
          <p class="bad" role="alert" id="fault">
            {problem}
          </p>
        )}
        <input type="hidden" name="to" value={to} />
        <label for="token">Token</label>
        <input
          id="token"
          name="token"
          type="password"
          required
          autofocus
          autocomplete="current-password"
          aria-invalid={problem === undefined ? undefined : "true"}
          aria-describedby={problem === undefined ? undefined : "fault"}
        />
        <button class="main" type="submit">
          Sign in
        </button>
      </form>
      <p class="note">
        Enter one of this service's tokens. For {SESSION_HOURS} hours these pages then do what its role may do.
      </p>
    </section>,
  );
}

const content: Answer["content"] = { "text/html": { schema: z.string() } };
const tags = ["service"];
const toPage: Answer = { description: "Redirects to the page", headers: headersOf(["Location", "Set-Cookie"]) };
const SIGN_IN: Description = {
  ...{ tags, summary: "Begin a session. It counts as its token for GET and HEAD, and for the forms of the page" },
  description: `The session is a cookie, valid for ${SESSION_HOURS} hours. If no tokens are configured, no session is needed, and none begins.`,
  body: {
    [FORM_TYPE]: {
      schema: z.object({ token: z.string() }),
      examples: { form: { summary: "As the form sends it", value: "token=TOKEN", status: 303 } },
    },
  },
  answers: {
    ...problems(415),
    303: toPage,
    401: { description: "The form again: the token is unknown", content, headers: headersOf(["WWW-Authenticate"]) },
  },
};
const SIGN_OUT: Description = {
  ...{ tags, summary: "End this browser's session" },
  answers: { 303: toPage },
};

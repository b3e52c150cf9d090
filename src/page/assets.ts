/** The page's own files: style sheets, htmx, and the scripts in browser/. Their names change with their content. */
import { createHash } from "node:crypto";
import { Hono } from "hono";
import htmx from "htmx.org/dist/htmx.min.js" with { type: "text" };
import sse from "htmx-ext-sse/dist/sse.min.js" with { type: "text" };
import { z } from "zod";
import type { Env } from "../http/env.ts";
import { validate } from "../http/validate.ts";
import grid from "./browser/grid.js" with { type: "text" };
import load from "./browser/load.js" with { type: "text" };
import page from "./browser/page.js" with { type: "text" };
import base from "./style/base.css" with { type: "text" };
import browse from "./style/browse.css" with { type: "text" };
import charts from "./style/charts.css" with { type: "text" };
import controls from "./style/controls.css" with { type: "text" };
import gridStyle from "./style/grid.css" with { type: "text" };
import loadStyle from "./style/load.css" with { type: "text" };
import runs from "./style/runs.css" with { type: "text" };
import tables from "./style/tables.css" with { type: "text" };

const SCRIPT = "text/javascript; charset=utf-8";
const ASSETS = {
  "style.css": {
    type: "text/css; charset=utf-8",
    text: [base, controls, tables, charts, loadStyle, gridStyle, browse, runs].join("\n"),
  },
  "htmx.js": { type: SCRIPT, text: htmx },
  "sse.js": { type: SCRIPT, text: sse },
  "load.js": { type: SCRIPT, text: load },
  "page.js": { type: SCRIPT, text: page },
  "grid.js": { type: SCRIPT, text: grid },
};
type AssetName = keyof typeof ASSETS;

/** A file's name in its address: with a digest of its content, so that browsers keep it until it changes. */
const hashed = ([name, { text }]: [string, { text: string }]) =>
  `${createHash("sha256").update(text).digest("hex").slice(0, 12)}-${name}`;
const NAMES = Object.fromEntries(Object.entries(ASSETS).map((entry) => [entry[0], hashed(entry)]));
const BY_NAME = new Map(Object.entries(ASSETS).map((entry) => [hashed(entry), entry[1]]));

/** The address of a file, relative to the root of the service. */
export const assetAddress = (name: AssetName): string => `page/assets/${NAMES[name]}`;

const AssetPath = z.object({ asset: z.string().refine((name) => BY_NAME.has(name), "there is no such file") });
const HEADERS = { "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff" };

/** Open to everyone: the sign-in form needs them, and they hold nothing of the service's data. */
export const assetRoutes = () =>
  new Hono<Env>().get("/page/assets/:asset", validate("param", AssetPath), (c) => {
    const { type = SCRIPT, text = "" } = BY_NAME.get(c.req.valid("param").asset) ?? {};
    return c.body(text, 200, { ...HEADERS, "Content-Type": type });
  });

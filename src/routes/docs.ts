/** The OpenAPI document, and Swagger UI, which shows it and sends requests. Both are open to everyone. */
import { Hono } from "hono";
import icon from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import style from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import script from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import { type Answer, type Description, describe, headersOf, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { type OpenApiDocument, openApiDocument } from "../http/openapi.ts";
import { validate } from "../http/validate.ts";

/** The files of swagger-ui-dist that are served. A client cannot make the service read any other file. */
const FILES = {
  "swagger-ui.css": { path: style, type: "text/css; charset=utf-8" },
  "swagger-ui-bundle.js": { path: script, type: "text/javascript; charset=utf-8" },
  "favicon-32x32.png": { path: icon, type: "image/png" },
} as const;
const START = "start.js";
const STYLE = "start.css";
const AssetPath = z.object({
  asset: z.enum([START, STYLE, ...(Object.keys(FILES) as (keyof typeof FILES)[])], "there is no such file"),
});

/** @param app the whole service. The document is made from its routes at the first request for it. */
export function docsRoutes(app: Hono<Env>, dictionary: Dictionary) {
  let document: OpenApiDocument | undefined;
  return new Hono<Env>()
    .get("/openapi.json", describe(DOCUMENT), (c) => {
      document ??= openApiDocument(app.routes, dictionary);
      return c.json(document, 200);
    })
    .get("/docs", describe(PAGE), (c) => c.html(HTML, 200, HEADERS))
    .get("/docs/:asset", describe(ASSET), validate("param", AssetPath), (c) => {
      const { asset } = c.req.valid("param");
      if (asset === STYLE) return c.body(CSS, 200, { ...HEADERS, "Content-Type": FILES["swagger-ui.css"].type });
      if (asset === START) return c.body(SCRIPT, 200, { ...HEADERS, "Content-Type": "text/javascript; charset=utf-8" });
      const { path, type } = FILES[asset];
      return c.body(Bun.file(path).stream(), 200, { ...HEADERS, "Content-Type": type });
    });
}

/** A browser loads nothing from another host, and runs only the scripts served here. */
const HEADERS = {
  "Content-Security-Policy": [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "max-age=3600",
  "Referrer-Policy": "no-referrer",
};

/** Addresses are relative, so the page also works under a path that a proxy adds. */
const HTML: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Muster's API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/${STYLE}">
<script defer src="docs/swagger-ui-bundle.js"></script>
<script defer src="docs/${START}"></script>
</head>
<body>
<nav><a href="./">Muster</a></nav>
<main id="api"></main>
<noscript>This page needs JavaScript. It shows <a href="openapi.json">openapi.json</a>.</noscript>
</body>
</html>
`;

const SCRIPT: string = `const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null });
`;

const CSS: string = `body { margin: 0 }
nav { max-width: 1460px; margin: 0 auto; padding: 1rem 20px 0; font: 600 1.2rem system-ui, sans-serif }
nav a { color: light-dark(#17598a, #82bdec) }
`;

const tags = ["service"];
const shown = (description: string, ...types: string[]): Answer => ({
  description,
  headers: headersOf(["Content-Security-Policy"]),
  content: Object.fromEntries(types.map((type) => [type, { schema: z.unknown() }])),
});
const DOCUMENT: Description = {
  ...{ tags, summary: "This document" },
  answers: { 200: json("OpenAPI 3.1", z.looseObject({ openapi: z.string(), paths: z.looseObject({}) })) },
};
const PAGE: Description = {
  ...{ tags, summary: "A page that shows this document and sends requests (Swagger UI)" },
  answers: { 200: shown("The page", "text/html") },
};
const ASSET: Description = {
  ...{ tags, summary: "A file of the page at `/docs`" },
  answers: { 200: shown("The file", "text/javascript", "text/css", "image/png"), ...problems(404) },
};

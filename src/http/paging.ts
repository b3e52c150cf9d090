/** Keyset pages: `?limit=`, `?cursor=`, and a Link to the next page (RFC 8288). */
import type { Context } from "hono";
import { documented } from "./describe.ts";
import { parameter } from "./validate.ts";

export const ROWS_PER_PAGE_MAX = 1000;

export const limitParameter = parameter
  .regex(/^\d{1,4}$/, `must be a number from 1 to ${ROWS_PER_PAGE_MAX}`)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= ROWS_PER_PAGE_MAX, `must be a number from 1 to ${ROWS_PER_PAGE_MAX}`)
  .default(ROWS_PER_PAGE_MAX)
  .meta(
    documented({
      ...{ type: "integer", minimum: 1, maximum: ROWS_PER_PAGE_MAX, default: ROWS_PER_PAGE_MAX, examples: [10] },
      description: "The most entries to answer",
    }),
  );

/** The document's description of every `?cursor=`. */
export const CURSOR = "Begin after this one. The Link to the next page contains it";

const CURSOR_MAX = 999_999_999_999_999;

/** `?cursor=` of a listing by id: the last id of the previous page. */
export const idCursor = parameter
  .regex(/^-?\d{1,15}$/, "must be taken from the Link to the next page")
  .transform(Number)
  .meta(documented({ type: "integer", minimum: -CURSOR_MAX, maximum: CURSOR_MAX, examples: [0], description: CURSOR }))
  .optional();

/**
 * Cuts rows to a page. The caller reads one row more than `limit`; if there is one, the answer gets a Link to the next page.
 */
export function pageOf<T>(c: Context, rows: T[], limit: number, cursorOf: (last: T) => unknown): T[] {
  if (rows.length <= limit) return rows;
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  linkNext(c, last && cursorOf(last));
  return page;
}

/** Adds a Link to the page after the cursor. It is relative, so it also works behind a proxy. */
export function linkNext(c: Context, cursor: unknown): void {
  const [, path, query = ""] = /^[a-z]+:\/\/[^/]+([^?#]*)(?:\?([^#]*))?/.exec(c.req.url) ?? [];
  const others = query
    .split("&")
    .filter((parameter) => parameter !== "" && !new URLSearchParams(parameter).has("cursor"));
  c.header("Link", `<${path}?${[...others, `cursor=${cursor}`].join("&")}>; rel="next"`);
}

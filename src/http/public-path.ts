/** Addresses in headers, as clients of a proxy see them. */
import type { MiddlewareHandler } from "hono";
import type { Env } from "./env.ts";

/**
 * Puts the path under which a proxy serves Muster before the address in Link and Location: `</jobs?cursor=9>` becomes
 * `</muster/jobs?cursor=9>`. The page's redirects are relative already and stay as they are.
 * @param path such as `/muster`
 */
export function underPath(path: string): MiddlewareHandler<Env> {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    const [link, location] = [headers.get("Link"), headers.get("Location")];
    if (link?.startsWith("</")) c.header("Link", `<${path}${link.slice(1)}`);
    if (location?.startsWith("/")) c.header("Location", path + location);
  };
}

/** Redirects between the views of the page. */
import type { Context, TypedResponse } from "hono";
import type { Env } from "../http/env.ts";
import { rootOf } from "./frame.tsx";

/**
 * Sends the browser to another view, for example after a form was sent (303: it asks by GET). The Location is relative, so it
 * is right under any path that a proxy adds.
 * @param address relative to the root of the service, like the addresses in links: `page/runs/ID`, or `./` for the overview
 */
export function redirectTo(c: Context<Env>, address: string): Response & TypedResponse<undefined, 303, "redirect"> {
  return c.redirect(`${rootOf(c.req.path)}${address.replace(/^\.\//, "")}`, 303);
}

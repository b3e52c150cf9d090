import { hc } from "hono/client";
export function client(url, options) {
  return hc(url, options);
}

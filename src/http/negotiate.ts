/** Content negotiation by Accept (RFC 9110, section 12.5.1). */
import type { Context } from "hono";
import { parseAccept } from "hono/utils/accept";
import { Refusal } from "./problem.ts";

/**
 * Picks the media type to answer with. Without Accept it is the first one offered. Otherwise the range with the highest weight
 * wins; among equal weights, the more specific range. (Hono's `accepts` is not used, since it ignores `*\/*`.)
 * @throws Refusal 406 that names the types offered
 */
export function negotiate<MediaType extends string>(
  c: Context,
  offers: readonly [MediaType, ...MediaType[]],
): MediaType {
  c.header("Vary", "Accept", { append: true });
  const header = c.req.header("Accept");
  if (header === undefined) return offers[0];
  const ranges = parseAccept(header).map(({ type, q }) => ({ type: type.toLowerCase(), q }));
  const isRefused = (offer: string) => ranges.some(({ type, q }) => q === 0 && type === offer);
  const wanted = ranges.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q || starsIn(a.type) - starsIn(b.type));
  for (const { type } of wanted) {
    const found = offers.find((offer) => covers(type, offer) && !isRefused(offer));
    if (found) return found;
  }
  throw new Refusal(406, `Accept allows none of ${offers.join(", ")}: ask for one of them`);
}

/** 0 for `text/csv`, 1 for `text/*`, 2 for `*\/*`: fewer are more specific. */
const starsIn = (range: string): number => range.split("*").length - 1;

const covers = (range: string, offer: string): boolean =>
  range === "*/*" || range === offer || (range.endsWith("/*") && offer.startsWith(range.slice(0, -1)));

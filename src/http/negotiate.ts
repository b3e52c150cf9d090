/** Content negotiation by Accept (RFC 9110, section 12.5.1). */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { Refusal } from "./problem.ts";

/**
 * Picks the media type to answer with: the first one offered if the client does not say.
 * @throws Refusal 406 that names the types offered
 */
export function negotiate<MediaType extends string>(
  c: Context,
  offers: readonly [MediaType, ...MediaType[]],
): MediaType {
  c.header("Vary", "Accept", { append: true });
  if (c.req.header("Accept") === undefined) return offers[0];
  const chosen = accepts(c, { header: "Accept", supports: [...offers], default: "", match: bestOf });
  const found = offers.find((offer) => offer === chosen);
  if (found === undefined) throw new Refusal(406, `Accept allows none of ${offers.join(", ")}: ask for one of them`);
  return found;
}

type Range = Parameters<NonNullable<Parameters<typeof accepts>[1]["match"]>>[0][number];

/** The highest weight wins, and among equal weights the more specific range. Hono's own match ignores `*\/*`. */
function bestOf(ranges: Range[], { supports, default: none }: { supports: string[]; default: string }): string {
  const refused = ranges.filter(({ q }) => q === 0).map(({ type }) => type.toLowerCase());
  const wanted = ranges.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q || specificity(b.type) - specificity(a.type));
  for (const { type } of wanted) {
    const found = supports.find((offer) => covers(type.toLowerCase(), offer) && !refused.includes(offer));
    if (found) return found;
  }
  return none;
}

function specificity(range: string): number {
  if (range === "*/*") return 0;
  return range.endsWith("/*") ? 1 : 2;
}

function covers(range: string, offer: string): boolean {
  if (range === "*/*" || range === offer) return true;
  return range.endsWith("/*") && offer.startsWith(range.slice(0, -1));
}

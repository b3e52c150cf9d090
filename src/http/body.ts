/** Request bodies: their size, their type, their bytes as text. */
import { isUtf8 } from "node:buffer";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { JsonText } from "../codecs/json-text.ts";
import { pointerTo } from "../codecs/pointer.ts";
import { described, problems } from "./describe.ts";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

/** Refuses a longer body with 413, also one whose length is not known before it is read. */
export function limitBody(bytesMax: number) {
  const limit = bodyLimit({
    maxSize: bytesMax,
    onError: () => {
      throw new Refusal(413, `the body is larger than ${bytesMax} bytes: send fewer rows at once`);
    },
  });
  return described(limit, { answers: problems(413) });
}

export async function bytesOf(c: Context<Env>): Promise<Uint8Array> {
  return new Uint8Array(await c.req.arrayBuffer());
}

/**
 * The one of these media types that the body is said to have.
 * @param codings of the content that whoever asks can undo
 * @throws Refusal 415 that names them, also where the charset is not UTF-8 (RFC 9110, section 15.5.16)
 */
export function mediaTypeOf<MediaType extends string>(
  c: Context<Env>,
  offers: readonly MediaType[],
  codings: readonly string[] = ["identity"],
): MediaType {
  const coding = codingOf(c);
  if (!codings.includes(coding)) throw new Refusal(415, `the Content-Encoding ${coding} is not taken`, identityOnly);
  const [type = "", ...parameters] = (c.req.header("Content-Type") ?? "").toLowerCase().split(/\s*;\s*/);
  const found = offers.find((offer) => offer === type.trim());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  if (found && (charset === undefined || /^charset="?utf-?8"?$/.test(charset))) return found;
  throw new Refusal(415, `send a Content-Type of ${offers.join(", or of ")}, in UTF-8`);
}

/** How the content is said to be packed. */
export const codingOf = (c: Context<Env>): string =>
  c.req.header("Content-Encoding")?.trim().toLowerCase() ?? "identity";

const identityOnly = { headers: { "Accept-Encoding": "identity" } };

/** A row of a replay: a field that stands twice in it is one of its reasons, as in any row. */
const ROW_POINTER = /^\/rows\/\d+\/row$/;

/**
 * Refuses a body that is not said to be JSON, before a validator takes it for an empty object; and what the validator does
 * not see any more, bytes that are not UTF-8 and keys that stand twice.
 */
export const jsonBody = described<MiddlewareHandler<Env>>(
  async (c, next) => {
    mediaTypeOf(c, ["application/json"]);
    const { repeated } = new JsonText(textOf(await bytesOf(c)));
    for (const [pointer, [key = ""]] of repeated) {
      if (!ROW_POINTER.test(pointer)) throw new Refusal(400, `${pointer}${pointerTo([key])} is given twice`);
    }
    await next();
  },
  { answers: problems(415) },
);

/** Text without the byte order mark that it may begin with. @throws Refusal 400 for bytes that are not UTF-8 */
export function textOf(bytes: Uint8Array): string {
  // A TextDecoder that is told to be fatal takes nine times as long.
  if (!isUtf8(bytes)) throw new Refusal(400, "the body is not UTF-8");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

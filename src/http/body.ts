/** Request bodies: read within limits, checked for their type, decoded as text. */
import { isUtf8 } from "node:buffer";
import type { Context, MiddlewareHandler } from "hono";
import { JsonText } from "../codecs/json-text.ts";
import { shownPointer } from "../codecs/pointer.ts";
import type { Turnstile } from "../db/turnstile.ts";
import { MusterError } from "../errors.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import { described, problems } from "./describe.ts";
import type { Env } from "./env.ts";
import type { Held, InFlight } from "./in-flight.ts";
import { Refusal } from "./problem.ts";

/**
 * Reads the whole body. Handlers get it from bytesOf(). Answers 413 if the body is too long, 503 if there is no room for it,
 * and 408 if it does not arrive in time. If the client sent Content-Length, length and room are checked before reading.
 */
export function takeBody(inFlight: InFlight, bytesMax: number) {
  const take: MiddlewareHandler<Env> = async (c, next) => {
    const length = lengthOf(c.req.raw);
    if (length !== undefined && length > bytesMax) throw tooLarge(bytesMax);
    using held = inFlight.hold(length ?? Math.min(UNKNOWN_LENGTH_BYTES, bytesMax));
    c.set("body", await receive(c, { length, bytesMax, msMax: inFlight.limits.bodyMsMax, held }));
    c.set("arrived", performance.now());
    await next();
  };
  return described(take, { answers: problems(408, 413) });
}

/**
 * For routes that write rows: refuses the request if earlier writes already wait too long, reads its body, and waits until it
 * may be worked on.
 */
export const bodyToWrite = (inFlight: InFlight, writers: Turnstile, bytesMax: number) =>
  [inFlight.admitted(writers), takeBody(inFlight, bytesMax), inFlight.atWork()] as const;

/** How many bytes are reserved at first for a body without Content-Length. */
const UNKNOWN_LENGTH_BYTES = 1024 * 1024;

/** A body up to this size is read by one call. If it were read as a stream, a batch of rows would take a tenth longer. */
const WHOLE_BYTES_MAX = 256 * 1024;

/** The body that takeBody read. */
export const bytesOf = (c: Context<Env>): Uint8Array => c.get("body");

interface Receiving {
  /** Undefined without Content-Length. */
  length: number | undefined;
  bytesMax: number;
  msMax: number;
  held: Held;
}

async function receive({ req }: Context<Env>, receiving: Receiving): Promise<Uint8Array> {
  const { length, msMax, held } = receiving;
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    const detail = `the body did not arrive within ${msMax} ms: send fewer rows at once`;
    timer = setTimeout(() => reject(new Refusal(408, detail)), msMax);
  });
  let reader: Reader | undefined;
  try {
    let bytes: Uint8Array = new Uint8Array();
    if (length !== undefined && length <= WHOLE_BYTES_MAX) {
      bytes = await Promise.race([req.raw.bytes(), late]);
      held.fill(bytes.length);
    } else {
      reader = req.raw.body?.getReader();
      if (reader) bytes = await Promise.race([read(reader, receiving), late]);
    }
    // A lost connection may look like the regular end of the body.
    if (length === undefined ? req.raw.signal.aborted : bytes.length < length) throw brokenOff();
    return bytes;
  } catch (error) {
    reader?.cancel().catch(() => {});
    if (error instanceof Refusal || error instanceof MusterError) throw error;
    throw brokenOff();
  } finally {
    clearTimeout(timer);
  }
}

/** Content-Length, unless Transfer-Encoding overrides it (RFC 9112, section 6.3). */
function lengthOf({ headers, body }: Request): number | undefined {
  const length = headers.has("Transfer-Encoding") ? null : headers.get("Content-Length");
  if (length !== null) return Number(length);
  return body ? undefined : 0;
}

type Reader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

async function read(reader: Reader, { bytesMax, held }: Receiving): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    held.fill(value.length);
    parts.push(value);
  }
  return Buffer.concat(parts, bytes);
}

const tooLarge = (bytesMax: number) =>
  new Refusal(413, `the body is larger than ${bytesMax} bytes: send fewer rows at once`);

const brokenOff = () => new Refusal(400, "the body broke off before its end: nothing was done");

/**
 * Finds the body's media type among those offered.
 * @param codings the content codings that the caller can decode
 * @throws Refusal 415 (RFC 9110, section 15.5.16) for another type, another coding, or a charset other than UTF-8
 */
export function mediaTypeOf<MediaType extends string>(
  c: Context<Env>,
  offers: readonly MediaType[],
  codings: readonly string[] = ["identity"],
): MediaType {
  const coding = codingOf(c);
  if (!codings.includes(coding))
    throw new Refusal(415, `the Content-Encoding ${coding} is not accepted here: send the body unpacked`, identityOnly);
  const parts = (c.req.header("Content-Type") ?? "").toLowerCase().split(";");
  const [type = "", ...parameters] = parts.map((part) => part.trim());
  const found = offers.find((offer) => offer === type);
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  if (found && (charset === undefined || /^charset="?utf-?8"?$/.test(charset))) return found;
  throw new Refusal(415, `send a Content-Type of ${offers.join(", or of ")}, in UTF-8`);
}

/** The body's Content-Encoding; `identity` without one. */
export const codingOf = (c: Context<Env>): string =>
  c.req.header("Content-Encoding")?.trim().toLowerCase() ?? "identity";

const identityOnly = { headers: { "Accept-Encoding": "identity" } };

/** Whether a path in the JSON leads to a row of a replay. A field repeated in such a row rejects the row, not the request. */
const isReplayedRow = ([rows, , row, more]: readonly unknown[]) =>
  rows === "rows" && row === "row" && more === undefined;

/**
 * Checks a JSON body before its validator does. The validator would read a body of another type as an empty object, and would
 * not notice invalid UTF-8 or repeated keys. If a list is too long, it would still report every fault in it.
 */
export function jsonBody(inFlight: InFlight) {
  const check: MiddlewareHandler<Env> = async (c, next) => {
    mediaTypeOf(c, ["application/json"]);
    const bytes = bytesOf(c);
    const json = await inFlight.parse(bytes.length, () => new JsonText(textOf(bytes)));
    for (const { path, keys } of json.repeated) {
      if (!isReplayedRow(path))
        throw new Refusal(400, `${shownPointer([...path, ...keys.slice(0, 1)])} is given twice`);
    }
    assertShort(json.value, []);
    c.set("json", json);
    // The validator reads the request's body again, so it needs a request whose body is not yet read.
    c.req.raw = new Request(c.req.raw, { body: Buffer.from(bytes) });
    await next();
  };
  return described(check, { answers: problems(413, 415) });
}

/** @throws Refusal 413 if the value, or a value directly in it, is a list with too many entries */
function assertShort(value: unknown, path: string[]): void {
  if (Array.isArray(value)) {
    if (value.length <= ROWS_PER_REQUEST_MAX) return;
    const where = path.length === 0 ? "the body" : shownPointer(path);
    throw new Refusal(413, `${where} has more than ${ROWS_PER_REQUEST_MAX} entries: send fewer at once`);
  }
  if (typeof value !== "object" || value === null || path.length > 0) return;
  for (const [key, list] of Object.entries(value)) assertShort(list, [key]);
}

/** Decodes UTF-8, without a byte order mark. @throws Refusal 400 if the bytes are not UTF-8 */
export function textOf(bytes: Uint8Array): string {
  // A fatal TextDecoder would take nine times as long.
  if (!isUtf8(bytes)) throw new Refusal(400, "the body is not UTF-8: send it as UTF-8");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

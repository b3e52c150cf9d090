/** Sends files, with ETag and Range (RFC 9110, sections 13 and 14). */
import type { Context } from "hono";
import { MusterError } from "../errors.ts";
import { matches } from "./entity-tag.ts";
import { Refusal } from "./problem.ts";
import { pulled } from "./stream.ts";

interface FileToSend {
  file: string;
  bytes: number;
  type: string;
  /** Without quotes. It changes whenever the content does. */
  etag: string;
}

/**
 * Answers with a file (200), a part of it (206), or without a body if the client has it (304).
 * @throws Refusal 416 for a range outside the file
 */
export async function sendFile(
  c: Context,
  { file, bytes, type, etag }: FileToSend,
  read: (range?: { start: number; end: number }) => AsyncIterable<Uint8Array>,
): Promise<Response> {
  const tag = `"${etag}"`;
  c.header("ETag", tag);
  c.header("Accept-Ranges", "bytes");
  if (matches(c.req.header("If-None-Match"), tag)) return c.body(null, 304);
  const isHead = c.req.method === "HEAD";
  // Range applies to GET only (RFC 9110, section 14.2).
  const range = isHead ? undefined : rangeOf(c, bytes, tag);
  const { start, end } = range ?? { start: 0, end: bytes - 1 };
  // The first part is read before the headers are set: if reading fails, the error's answer must not have the file's headers.
  const body = isHead ? null : await pulled(c, exactly(end - start + 1, read(range)));
  c.header("Content-Type", type);
  c.header("Content-Disposition", `attachment; filename="${file}"`);
  c.header("Content-Length", String(end - start + 1));
  if (range) c.header("Content-Range", `bytes ${start}-${end}/${bytes}`);
  return c.newResponse(body, range ? 206 : 200);
}

/** Passes the parts on, and throws if their total length is not exactly this. The client then sees its connection cut. */
async function* exactly(bytes: number, parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const part of parts) {
    sent += part.length;
    if (sent > bytes) break;
    yield part;
  }
  if (sent !== bytes)
    throw new MusterError(
      "backup_damaged",
      `the file should have ${bytes} bytes, but has ${sent > bytes ? "more" : sent}`,
    );
}

/**
 * The range to send. Undefined for the whole file: without Range, with several ranges, another unit, or an outdated If-Range.
 */
function rangeOf(c: Context, bytes: number, tag: string): { start: number; end: number } | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(c.req.header("Range") ?? "") ?? [];
  const condition = c.req.header("If-Range");
  if (from === undefined || to === undefined || (from === "" && to === "")) return undefined;
  if (condition !== undefined && condition !== tag) return undefined;
  const start = from === "" ? Math.max(0, bytes - Number(to)) : Number(from);
  const end = from === "" || to === "" ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (start <= end && start < bytes) return { start, end };
  throw new Refusal(416, `the range is outside the file, which has ${bytes} bytes`, {
    headers: { "Content-Range": `bytes */${bytes}` },
  });
}

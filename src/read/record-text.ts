/** The raw input of a record that was not text in its file, for the log of rejections. */
import { RAW_BYTES_MAX } from "../db/ledger.ts";

/**
 * A record as JSON. NaN and Infinity become text, because JSON would turn them into null. Bytes become an object, so that
 * they are not mistaken for text. After RAW_BYTES_MAX characters, text and members are dropped: the log of rejections keeps
 * no more of a row.
 */
export function recordText(record: object): string {
  let left = RAW_BYTES_MAX;
  const clip = (text: string) => {
    const start = text.slice(0, Math.max(0, left));
    left -= start.length;
    return start;
  };
  return JSON.stringify(record, (key, value) => {
    clip(key);
    if (left <= 0) return undefined;
    if (typeof value === "string") return clip(value);
    if (value instanceof Uint8Array) return { bytes: Buffer.from(value.subarray(0, RAW_BYTES_MAX)).toString("base64") };
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
}

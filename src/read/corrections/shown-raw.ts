/** The text of a rejected row, for people. */
const SHOWN_BYTES_MAX = 300;

/** Its start, if it is long. Bytes that are not UTF-8 become U+FFFD. */
export function shownRaw(raw: Uint8Array): string {
  const text = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.length, SHOWN_BYTES_MAX)).toString();
  return raw.length > SHOWN_BYTES_MAX ? `${text}...` : text;
}

/** Recognises encodings other than UTF-8 by the first bytes of a file. Such a file is read only if its recipe names them. */
import { isAscii } from "node:buffer";
import { option } from "../recipes/option-text.ts";

type Encoding = "UTF-16LE" | "UTF-16BE" | "UTF-32";

/** The encoding that bytes are certainly in; undefined if they may be UTF-8. */
export function otherEncodingOf(head: Buffer): Encoding | undefined {
  const marked = byByteOrderMark(head);
  return marked === "UTF-8" ? undefined : (marked ?? byZeros(head));
}

/** What to do with a file in this encoding. */
export function toReadAs(encoding: Encoding): string {
  if (encoding === "UTF-32") return "convert it to UTF-8 (iconv -f UTF-32 -t UTF-8)";
  return `read it with ${option("encoding", encoding.toLowerCase())}, or save it as UTF-8`;
}

/** Why bytes are not in the encoding that a recipe names: by the byte order mark of another one, or as UTF-16 without zeros. */
export function whyOtherEncoding(head: Buffer, encoding: string): string | undefined {
  const marked = byByteOrderMark(head);
  // A comma, a brace or a line end in UTF-16 has a zero byte.
  if (marked === undefined && encoding.startsWith("utf-16") && head.length > 1 && isAscii(head) && !head.includes(0))
    return `it is ASCII, and is to be read as ${encoding}: read it without an encoding`;
  if (marked === undefined || marked.toLowerCase() === encoding) return undefined;
  const toDo = marked === "UTF-8" ? `read it with ${option("encoding", "utf-8")}` : toReadAs(marked);
  return `it begins with the byte order mark of ${marked}, and is to be read as ${encoding}: ${toDo}`;
}

/** Longer marks come first, because the UTF-32 mark begins with the UTF-16 mark. */
const BYTE_ORDER_MARKS = [
  ["UTF-32", Buffer.from([0xff, 0xfe, 0x00, 0x00])],
  ["UTF-32", Buffer.from([0x00, 0x00, 0xfe, 0xff])],
  ["UTF-16LE", Buffer.from([0xff, 0xfe])],
  ["UTF-16BE", Buffer.from([0xfe, 0xff])],
  ["UTF-8", Buffer.from([0xef, 0xbb, 0xbf])],
] as const;

/** The encoding whose byte order mark a file begins with. */
export function byByteOrderMark(head: Buffer) {
  return BYTE_ORDER_MARKS.find(([, mark]) => head.subarray(0, mark.length).equals(mark))?.[0];
}

/**
 * Recognises text without a byte order mark. Among each four bytes, two (UTF-16) or three (UTF-32) are usually zero, and the
 * others never (UTF-32) or seldom are.
 */
function byZeros(head: Buffer): Encoding | undefined {
  const zeros = [0, 0, 0, 0];
  for (let at = 0; at < head.length; at++) if (head[at] === 0) zeros[at % 4] = (zeros[at % 4] ?? 0) + 1;
  const most = head.length / 8;
  const [first = 0, second = 0, third = 0, fourth = 0] = zeros;
  const [a, b, c, d] = head;
  if (a && b === 0 && c === 0 && d === 0 && Math.min(second, third, fourth) > most && first === 0) return "UTF-32";
  if (a === 0 && b === 0 && c === 0 && d && Math.min(first, second, third) > most && fourth === 0) return "UTF-32";
  // The other byte of a character is seldom zero: as in U+DE00, half of an emoji.
  const [even, odd] = [first + third, second + fourth];
  const isLittleEndian = a && b === 0 && odd > most && odd > 16 * even;
  const isBigEndian = a === 0 && b && even > most && even > 16 * odd;
  if (isLittleEndian) return "UTF-16LE";
  return isBigEndian ? "UTF-16BE" : undefined;
}

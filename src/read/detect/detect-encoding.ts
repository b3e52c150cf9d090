/** Finds the encoding of text by its first bytes. One single-byte encoding cannot be told from another for certain. */
import { isUtf8 } from "node:buffer";
import { escaped } from "../../shown.ts";
import { byByteOrderMark, otherEncodingOf, toReadAs } from "../formats/text-encoding.ts";
import { count, type Finding, said } from "./detection.ts";

export interface FoundText {
  finding: Finding;
  text: string;
}

/** How many words a doubt shows. */
const WORDS_MAX = 5;
/** Encodings whose words are shown beside those of windows-1252. */
const OTHERS = ["windows-1250", "windows-1251"] as const;

/**
 * @param head the first bytes of the file, unpacked
 * @param isWhole whether they are the whole file. If not, its last character may be cut
 * @param given the encoding, if the user names it
 */
export function detectEncoding(head: Buffer, isWhole: boolean, given?: string): FoundText {
  if (given !== undefined) {
    return { finding: said("encoding", given), text: textIn(given, head) ?? head.toString() };
  }
  const marked = byByteOrderMark(head);
  const encoding = marked ?? otherEncodingOf(head);
  const zeros = "many of its bytes are zero, as in text of this encoding";
  const evidence = marked ? `begins with the byte order mark of ${marked}` : zeros;
  if (encoding === "UTF-32") {
    const doubt = `text in UTF-32 is not read: ${toReadAs(encoding)}`;
    return { finding: { part: "encoding", is: encoding, evidence, doubt }, text: "" };
  }
  if (encoding !== undefined) return found(encoding.toLowerCase(), evidence, head);
  if (isUtf8(isWhole ? head : withoutCutCharacter(head))) {
    const isAscii = !head.some((byte) => byte > 127);
    return found("utf-8", isAscii ? "all bytes are ASCII" : "all bytes are UTF-8", head);
  }
  return singleByte(head);
}

function found(encoding: string, evidence: string, head: Buffer): FoundText {
  const recipe = encoding === "utf-8" ? {} : { recipe: { encoding } };
  return { finding: { part: "encoding", is: encoding, evidence, ...recipe }, text: textIn(encoding, head) ?? "" };
}

/** Without the bytes of a character that is not complete, at most three. */
function withoutCutCharacter(head: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, head.length); back++) {
    const byte = head[head.length - back] ?? 0;
    if (byte >= 0xc0) return head.subarray(0, head.length - back);
    if (byte < 0x80) break;
  }
  return head;
}

/** The bytes that windows-1252 leaves undefined. */
const UNDEFINED = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

function singleByte(head: Buffer): FoundText {
  const lines = head.toString("latin1").replace(/\n$/, "").split("\n");
  const other = lines.filter((line) => !isUtf8(Buffer.from(line, "latin1")));
  const where = `${other.length} of ${count(lines.length, "line")}`;
  if (other.some((line) => [...Buffer.from(line, "latin1")].some((byte) => UNDEFINED.has(byte)))) {
    const doubt = "it is neither UTF-8 nor windows-1252: ask who wrote the file, and give --encoding";
    const evidence = `bytes that are no UTF-8, and some that windows-1252 does not have: ${where}`;
    return { finding: { part: "encoding", is: "unknown", evidence, doubt }, text: head.toString() };
  }
  const text = textIn("windows-1252", head) ?? "";
  const evidence = `bytes 0x80-0xFF fit windows-1252 and no UTF-8: ${where}`;
  const others = OTHERS.map((name) => `${name} would give ${wordsOf(textIn(name, head) ?? "")}`).join(", ");
  const doubt = `its bytes fit other encodings too: windows-1252 gives ${wordsOf(text)}; ${others}`;
  return {
    finding: { part: "encoding", is: "windows-1252", evidence, doubt, recipe: { encoding: "windows-1252" } },
    text,
  };
}

/** The first words that are not ASCII. */
function wordsOf(text: string): string {
  const words = new Set<string>();
  for (const [word] of text.matchAll(/[^\s,;|"\t]{0,20}[^\0-\x7F][^\s,;|"\t]{0,20}/g)) {
    words.add(escaped(word));
    if (words.size === WORDS_MAX) break;
  }
  return [...words].join(" ");
}

/** The text without its byte order mark; undefined if the encoding is not known. */
function textIn(encoding: string, bytes: Buffer): string | undefined {
  try {
    return new TextDecoder(encoding as Bun.Encoding).decode(bytes);
  } catch {
    return undefined;
  }
}

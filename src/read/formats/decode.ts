/** Decodes text of any encoding to UTF-8, so that the readers of CSV and JSON need to know no other. */
import { isAscii, isUtf8 } from "node:buffer";
import { MusterError } from "../../errors.ts";
import { decoderOf, encodingOf } from "./encodings.ts";
import { whyNotEncoded } from "./file-type.ts";

/** How many bytes are looked at before anything is decoded: enough for a byte order mark, and for a packed file's signature. */
const HEAD_BYTES = 512;
/** Never part of UTF-8. It stands for what could not be decoded, so that the row is rejected as `invalid_text`. */
const UNDECODABLE = Buffer.of(0xff);
/** A lone surrogate, which stands for the same in a string. Decoders write U+FFFD, which can also be the file's own. */
const LONE = "\uD800";
const BOM = "\uFEFF";

/**
 * Decodes chunks, which may be cut anywhere. A byte order mark is dropped. `utf-16` goes by the mark, and is little-endian without.
 * @param label as the WHATWG Encoding Standard has it
 * @throws MusterError `refused` if the first bytes show a file that is no text, or a mark of another encoding
 */
export async function* decoded(
  chunks: AsyncIterable<Uint8Array>,
  label: string,
  name: string,
  say?: (line: string) => void,
): AsyncGenerator<Uint8Array> {
  let decode: Decode | undefined;
  let head = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (decode) {
      const text = decode(chunk, false);
      if (text.length > 0) yield text;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < HEAD_BYTES) continue;
    decode = decoderFor(head, label, name, say);
    yield decode(head, false);
  }
  yield decode ? decode(Buffer.alloc(0), true) : decoderFor(head, label, name, say)(head, true);
}

type Decode = (bytes: Uint8Array, isLast: boolean) => Uint8Array;

function decoderFor(head: Buffer, label: string, name: string, say?: (line: string) => void): Decode {
  const encoding = isBigEndianByMark(head, label) ? "utf-16be" : encodingOf(label);
  if (encoding === undefined) throw new MusterError("invalid", `${name}: the encoding ${label} is not known`);
  const why = whyNotEncoded(head, encoding);
  if (why !== undefined) throw new MusterError("refused", `${name}: ${why}`);
  if (encoding === "utf-8") return (bytes) => bytes;
  const toText = encoding.startsWith("utf-16") ? utf16(encoding === "utf-16be") : legacy(encoding);
  // In these every ASCII byte is itself, whatever stands before it.
  const isSingleByte = !/^(?:utf-16|gb|big5|euc|iso-2022|shift)/.test(encoding);
  let isFirst = true;
  let isWeighed = false;
  return (bytes, isLast) => {
    if (isSingleByte && isAscii(bytes)) return bytes;
    if (isSingleByte && !isWeighed && !isAscii(inner(bytes))) {
      isWeighed = true;
      if (isUtf8(inner(bytes)))
        say?.(`${name} is read as ${encoding}, but may be UTF-8: if it is, import it without an encoding`);
    }
    const text = toText(bytes, isLast);
    const start = isFirst && text.startsWith(BOM) ? 1 : 0;
    isFirst &&= text === "";
    return inUtf8(text.slice(start));
  };
}

/** Without the ends, which may be parts of a character in UTF-8. */
function inner(bytes: Uint8Array): Uint8Array {
  const isPart = (byte = 0) => byte >= 0x80;
  let [start, end] = [0, bytes.length];
  while (start < 3 && isPart(bytes[start]) && (bytes[start] ?? 0) < 0xc0) start++;
  while (bytes.length - end < 3 && isPart(bytes[end - 1])) end--;
  return bytes.subarray(start, Math.max(start, end));
}

/** Whether the label leaves the order of the bytes open, and their mark says big-endian. */
const isBigEndianByMark = (head: Buffer, label: string) =>
  label.trim().toLowerCase() === "utf-16" && head[0] === 0xfe && head[1] === 0xff;

/** Text in UTF-8, with UNDECODABLE for each lone surrogate. */
function inUtf8(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const pieces = text.split(/\p{Surrogate}/u).flatMap((piece) => [UNDECODABLE, Buffer.from(piece)]);
  return Buffer.concat(pieces.slice(1));
}

type ToText = (bytes: Uint8Array, isLast: boolean) => string;

/** Decodes UTF-16 without TextDecoder, which makes U+FFFD of lone surrogates: the file may have U+FFFD itself. */
function utf16(isBigEndian: boolean): ToText {
  let held = Buffer.alloc(0);
  return (chunk, isLast) => {
    const bytes = Buffer.concat([held, chunk]);
    let end = bytes.length & ~1;
    const text = Buffer.from(bytes.subarray(0, end));
    if (isBigEndian) text.swap16();
    // The second half of a pair may come in the next chunk.
    if (!isLast && end > 0 && ((text[end - 1] ?? 0) & 0xfc) === 0xd8) end -= 2;
    held = bytes.subarray(end);
    return text.toString("utf16le", 0, end) + (isLast && held.length > 0 ? LONE : "");
  };
}

/** Decodes any other encoding. None of them but GB 18030 can write U+FFFD, so it stands for what could not be decoded. */
function legacy(encoding: string): ToText {
  const decoder = decoderOf(encoding);
  if (encoding.startsWith("gb")) return gb18030(decoder);
  return (bytes, isLast) => decoder.decode(bytes, { stream: !isLast }).replaceAll("\uFFFD", LONE);
}

/** U+FFFD in GB 18030. */
const REPLACEMENT = Buffer.of(0x84, 0x31, 0xa4, 0x37);

/** Decodes byte by byte if U+FFFD may be in the chunk: it is the file's own if it comes as the last byte of REPLACEMENT is read. */
function gb18030(decoder: TextDecoder): ToText {
  let before = Buffer.alloc(0);
  return (chunk, isLast) => {
    const bytes = Buffer.concat([before, chunk]);
    const from = before.length;
    before = bytes.subarray(-(REPLACEMENT.length - 1));
    if (!bytes.includes(REPLACEMENT)) return decoder.decode(chunk, { stream: !isLast }).replaceAll("\uFFFD", LONE);
    const pieces: string[] = [];
    for (let at = from; at < bytes.length; at++) {
      const piece = decoder.decode(bytes.subarray(at, at + 1), { stream: true });
      const isOwn = piece === "\uFFFD" && bytes.subarray(Math.max(0, at - 3), at + 1).equals(REPLACEMENT);
      pieces.push(isOwn ? piece : piece.replaceAll("\uFFFD", LONE));
    }
    if (isLast) pieces.push(decoder.decode().replaceAll("\uFFFD", LONE));
    return pieces.join("");
  };
}

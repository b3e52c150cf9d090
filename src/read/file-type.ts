/** What a file is by its first bytes, whatever its name says. */
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";

export type Form = "csv" | "ndjson" | "avro" | "gzip";

/** Bytes that are looked at: enough for the signature of every format, and for some lines of text. */
const HEAD_BYTES = 16 * 1024;

/**
 * The same bytes, if they begin as a file of this form does. A file without a byte passes.
 * @param name says in an error which file it was
 * @throws MusterError `refused` that says what the bytes are, and what to do
 */
export async function* expecting(
  form: Form,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  let isOpen = true;
  for await (const chunk of chunks) {
    if (!isOpen) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    bytes += chunk.length;
    if (bytes < HEAD_BYTES) continue;
    isOpen = false;
    yield checked(form, Buffer.concat(held), name);
  }
  if (isOpen && bytes > 0) yield checked(form, Buffer.concat(held), name);
}

function checked(form: Form, start: Buffer, name: string): Buffer {
  const why = whyNot(form, start.subarray(0, HEAD_BYTES));
  if (why === undefined) return start;
  throw new MusterError("refused", `${name}: ${why}`);
}

/** Why bytes are not of a form, undefined if they may be. */
function whyNot(form: Form, head: Buffer): string | undefined {
  const format = formatOf(head);
  if (format !== undefined) return format.form === form ? undefined : `it is ${format.is}: ${format.mend}`;
  if (form === "gzip" || form === "avro") {
    const wanted = form === "gzip" ? "a gzip file" : "an Avro file";
    return `it is not ${wanted}, and begins with ${shown(textOf(head))}: give it the name of what it is`;
  }
  const text = textOf(head).replace(/^\s+/, "");
  return whyNotText(head) ?? (form === "csv" ? whyNotCsv(text) : whyNotNdjson(text));
}

interface Format {
  is: string;
  mend: string;
  form?: Form;
}

const UNPACK = "unpack it";
const AS_CSV = "save it as CSV in UTF-8";
const AS_UTF8 = "save it as UTF-8";

/** Magic numbers: what stands at the offset (0). Longer ones come before those that they begin with. */
const SIGNATURES: (Format & { magic: string | number[]; at?: number })[] = [
  { magic: [0x1f, 0x8b], is: "packed with gzip", mend: "end its name in .gz, or unpack it", form: "gzip" },
  { magic: "Obj\x01", is: "an Avro file", mend: "end its name in .avro", form: "avro" },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], is: "packed with zstd", mend: UNPACK },
  { magic: "BZh", is: "packed with bzip2", mend: UNPACK },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], is: "packed with xz", mend: UNPACK },
  { magic: [0x04, 0x22, 0x4d, 0x18], is: "packed with lz4", mend: UNPACK },
  { magic: [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59], is: "packed with snappy", mend: UNPACK },
  { magic: [0x1f, 0x9d], is: "packed with compress", mend: UNPACK },
  { magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], is: "a 7z archive", mend: UNPACK },
  { magic: "Rar!\x1a", is: "a RAR archive", mend: UNPACK },
  { magic: "ustar", at: 257, is: "a tar archive", mend: UNPACK },
  { magic: "PAR1", is: "a Parquet file", mend: "write it as CSV, NDJSON or Avro" },
  { magic: "PARE", is: "an encrypted Parquet file", mend: "write it as CSV, NDJSON or Avro" },
  { magic: "ARROW1", is: "an Arrow file", mend: "write it as CSV, NDJSON or Avro" },
  { magic: "ORC", is: "an ORC file", mend: "write it as CSV, NDJSON or Avro" },
  { magic: [0xd0, 0xcf, 0x11, 0xe0], is: "an Excel workbook (.xls)", mend: AS_CSV },
  { magic: "SQLite format 3\0", is: "an SQLite database", mend: "export its table as CSV" },
  { magic: "%PDF-", is: "a PDF document", mend: "export its table as CSV" },
  { magic: [0xff, 0xfe, 0x00, 0x00], is: "UTF-32", mend: AS_UTF8 },
  { magic: [0x00, 0x00, 0xfe, 0xff], is: "UTF-32", mend: AS_UTF8 },
  { magic: [0xff, 0xfe], is: "UTF-16", mend: AS_UTF8 },
  { magic: [0xfe, 0xff], is: "UTF-16", mend: AS_UTF8 },
];

function formatOf(head: Buffer): Format | undefined {
  for (const { magic, at = 0, ...format } of SIGNATURES) {
    const bytes = typeof magic === "string" ? Buffer.from(magic, "latin1") : Buffer.from(magic);
    if (!head.subarray(at, at + bytes.length).equals(bytes)) continue;
    // A table of orcs may begin as an ORC file does.
    if (typeof magic === "string" && isText(head)) continue;
    return format;
  }
  return zipOf(head) ?? wideTextOf(head);
}

/** Whether bytes hold no control character but tab and line ends. */
function isText(bytes: Buffer): boolean {
  return !bytes.some((byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 13);
}

/** A zip archive is a workbook by the name of its first entry (APPNOTE.TXT, Local file header). */
function zipOf(head: Buffer): Format | undefined {
  const kind = head.toString("latin1", 0, 4);
  if (!["PK\x03\x04", "PK\x05\x06", "PK\x07\x08"].includes(kind)) return undefined;
  const entry = head.toString("latin1", 30, 30 + (head.length > 28 ? head.readUInt16LE(26) : 0));
  if (/^(?:\[Content_Types\]\.xml|_rels\/|docProps\/|xl\/)/.test(entry))
    return { is: "an Excel workbook (.xlsx)", mend: AS_CSV };
  if (entry === "mimetype") return { is: "an OpenDocument spreadsheet (.ods)", mend: AS_CSV };
  return { is: "a zip archive", mend: UNPACK };
}

/** UTF-16 and UTF-32 without a byte order mark: one half of the bytes, or three quarters, are mostly zero. */
function wideTextOf(head: Buffer): Format | undefined {
  const zeros = [0, 0, 0, 0];
  for (let at = 0; at < head.length; at++) if (head[at] === 0) zeros[at % 4] = (zeros[at % 4] ?? 0) + 1;
  const most = head.length / 8;
  const [first = 0, second = 0, third = 0, fourth = 0] = zeros;
  const [a, b, c, d] = head;
  if (a && b === 0 && c === 0 && d === 0 && Math.min(second, third, fourth) > most && first === 0)
    return { is: "UTF-32", mend: AS_UTF8 };
  if (a === 0 && b === 0 && c === 0 && d && Math.min(first, second, third) > most && fourth === 0)
    return { is: "UTF-32", mend: AS_UTF8 };
  const isLittle = a && b === 0 && first + third === 0 && second + fourth > most;
  const isBig = a === 0 && b && second + fourth === 0 && first + third > most;
  return isLittle || isBig ? { is: "UTF-16", mend: AS_UTF8 } : undefined;
}

const [LF, CR, QUOTE] = [10, 13, 34];

/** Line ends that are none, in the first line outside of quotes; and pages of the web. */
function whyNotText(head: Buffer): string | undefined {
  if (/^\s*<(?:!doctype|html|head|body|table|meta|script|\?xml)\b/i.test(textOf(head)))
    return `it is HTML or XML, and begins with ${shown(textOf(head).trim())}: ${AS_CSV}`;
  let isQuoted = false;
  for (let at = 0; at < head.length; at++) {
    const byte = head[at];
    if (byte === QUOTE) isQuoted = !isQuoted;
    if (isQuoted || (byte !== CR && byte !== LF)) continue;
    const next = head[at + 1];
    if (byte === LF || next === LF || next === undefined) return undefined;
    if (next === CR && head[at + 2] === LF) return `its lines end in \\r\\r\\n: ${WITH_LF}`;
    return head.includes(LF) ? undefined : `its lines end in \\r alone: ${WITH_LF}`;
  }
  return undefined;
}

const WITH_LF = "write it with \\n or \\r\\n";

function whyNotCsv(text: string): string | undefined {
  if (/^\{\s*"/.test(text)) return "it is JSON: end its name in .ndjson if it has an object on each line";
  return /^\[\s*[[{]/.test(text) ? `it is a JSON array: ${AS_LINES}, and end its name in .ndjson` : undefined;
}

const AS_LINES = "write an object on each line (jq -c '.[]')";

function whyNotNdjson(text: string): string | undefined {
  const [first = "", second = ""] = text.split("\n").map((line) => line.trim());
  if (/^\[(?:$|\s*[[{\]])/.test(first)) return `it is a JSON array: ${AS_LINES}`;
  if (/^\{(?:.*[{[,])?$/.test(first) && text.includes("\n") && !second.startsWith("{"))
    return `it is JSON over several lines: write each object on one line (jq -c .)`;
  const isNoJson = (line: string) => !/^[[{]/.test(line) && /[,;\t]/.test(line) && !isJson(line);
  if (isNoJson(first) && (second === "" || isNoJson(second)))
    return `it is not JSON, and begins with ${shown(first)}: end its name in .csv if it is CSV`;
  return undefined;
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** A byte order mark is left out. */
const textOf = (head: Buffer) => head.toString().replace(/^\uFEFF/, "");

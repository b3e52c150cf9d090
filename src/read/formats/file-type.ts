/** Tells the type of a file by its first bytes, not by its name. */
import { MusterError } from "../../errors.ts";
import { shown } from "../../shown.ts";
import { whyNotOfText } from "./json-forms.ts";
import { otherEncodingOf, toReadAs, whyOtherEncoding } from "./text-encoding.ts";

/** The types of files that Muster reads, and of the packed files around them. */
export type FileType = "csv" | "ndjson" | "json" | "avro" | "parquet" | "xlsx" | "gzip" | "zstd" | "zip";

/** How many bytes are examined: enough for the signature of every type, and for some lines of text. */
const HEAD_BYTES = 16 * 1024;

/**
 * Passes the bytes on if their start can be a file of this type. An empty file passes too.
 * @param name what the file is called in an error
 * @throws MusterError `refused` that says what the file is, and what to do
 */
export async function* expecting(
  type: FileType,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  let isChecked = false;
  for await (const chunk of chunks) {
    if (isChecked) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    bytes += chunk.length;
    if (bytes < HEAD_BYTES) continue;
    isChecked = true;
    yield checked(type, Buffer.concat(held), name);
  }
  if (!isChecked && bytes > 0) yield checked(type, Buffer.concat(held), name);
}

/** The type that the first bytes of a file mark; undefined for text. */
export const markedType = (head: Buffer): FileType | undefined => markOf(head)?.type;

function checked(type: FileType, start: Buffer, name: string): Buffer {
  const why = whyNot(type, start.subarray(0, HEAD_BYTES));
  if (why === undefined) return start;
  throw new MusterError("refused", `${name}: ${why}`);
}

/** Why a file that begins with these bytes is not of the type; undefined if it may be. */
function whyNot(type: FileType, head: Buffer): string | undefined {
  const found = markOf(head);
  // A workbook is a zip archive, and its first entry need not show what it is.
  if (found?.type === "zip" && type === "xlsx") return undefined;
  if (found !== undefined) return found.type === type ? undefined : `it is ${found.is}: ${found.toDo}`;
  const encoding = otherEncodingOf(head);
  if (encoding !== undefined) return `it is ${encoding}: ${toReadAs(encoding)}`;
  if (type !== "csv" && type !== "ndjson" && type !== "json")
    return `it is not ${CALLED[type]}, and begins with ${shown(textOf(head))}: rename it by its content, for example to end in .csv`;
  return whyNotText(head) ?? whyNotOfText(type, textOf(head).trimStart());
}

/** What files that are not text are called. */
const CALLED = {
  avro: "an Avro file",
  parquet: "a Parquet file",
  xlsx: "an Excel workbook (.xlsx)",
  gzip: "a gzip file",
  zstd: "a zstd file",
  zip: "a zip archive",
} as const;

/** Why a file that begins with these bytes is not text in the encoding; undefined if it may be. */
export function whyNotEncoded(head: Buffer, encoding: string): string | undefined {
  const found = markOf(head);
  return found ? `it is ${found.is}: ${found.toDo}` : whyOtherEncoding(head, encoding);
}

interface Found {
  is: string;
  toDo: string;
  /** Only for a type that Muster reads. */
  type?: FileType;
}

const UNPACK = "unpack it";
const AS_CSV = "save it as CSV in UTF-8";
const AS_XLSX =
  "end its name in .xlsx (HTTP: Content-Type: application/vnd.openxmlformats-officedocument.spreadsheetml.sheet)";
const EXPORT = "export its table as CSV";
const CONVERT = "write it as CSV, NDJSON or Avro";
const packedBy = (ending: string, coding: string) =>
  `end its name in ${ending} (HTTP: Content-Encoding: ${coding}), or unpack it`;

/** The bytes that mark a type of file, at the offset `at` (by default 0). */
const SIGNATURES: (Found & { magic: string | number[]; at?: number })[] = [
  { magic: [0x1f, 0x8b], is: "packed with gzip", toDo: packedBy(".gz", "gzip"), type: "gzip" },
  {
    magic: "Obj\x01",
    is: "an Avro file",
    toDo: "end its name in .avro (HTTP: Content-Type: application/avro)",
    type: "avro",
  },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], is: "packed with zstd", toDo: packedBy(".zst", "zstd"), type: "zstd" },
  // A frame without data, such as pzstd writes first (RFC 8878, section 3.1.2).
  { magic: [0x2a, 0x4d, 0x18], at: 1, is: "packed with zstd", toDo: packedBy(".zst", "zstd"), type: "zstd" },
  { magic: "BZh", is: "packed with bzip2", toDo: UNPACK },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], is: "packed with xz", toDo: UNPACK },
  { magic: [0x04, 0x22, 0x4d, 0x18], is: "packed with lz4", toDo: UNPACK },
  { magic: [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59], is: "packed with snappy", toDo: UNPACK },
  { magic: [0x1f, 0x9d], is: "packed with compress", toDo: UNPACK },
  { magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], is: "a 7z archive", toDo: UNPACK },
  { magic: "Rar!\x1a", is: "a RAR archive", toDo: UNPACK },
  { magic: "ustar", at: 257, is: "a tar archive", toDo: UNPACK },
  {
    magic: "PAR1",
    is: "a Parquet file",
    toDo: "end its name in .parquet (HTTP: Content-Type: application/vnd.apache.parquet)",
    type: "parquet",
  },
  { magic: "PARE", is: "an encrypted Parquet file", toDo: "write it without encryption" },
  { magic: "ARROW1", is: "an Arrow file", toDo: CONVERT },
  { magic: "ORC", is: "an ORC file", toDo: CONVERT },
  { magic: [0xd0, 0xcf, 0x11, 0xe0], is: "an Excel workbook (.xls, or one with a password)", toDo: AS_CSV },
  { magic: "SQLite format 3\0", is: "an SQLite database", toDo: EXPORT },
  { magic: "%PDF-", is: "a PDF document", toDo: EXPORT },
];

const markOf = (head: Buffer): Found | undefined => signatureOf(head) ?? zipOf(head);

function signatureOf(head: Buffer): Found | undefined {
  return SIGNATURES.find(({ magic, at = 0 }) => {
    const bytes = typeof magic === "string" ? Buffer.from(magic, "latin1") : Buffer.from(magic);
    if (!head.subarray(at, at + bytes.length).equals(bytes)) return false;
    // Text may begin with letters such as ORC by chance.
    return typeof magic !== "string" || !isText(head);
  });
}

/** Whether bytes hold no control character but tab and line ends. */
function isText(bytes: Buffer): boolean {
  return !bytes.some((byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 13);
}

/** Tells spreadsheets from other zip archives by the name of the first entry (APPNOTE.TXT, Local file header). */
function zipOf(head: Buffer): Found | undefined {
  const kind = head.toString("latin1", 0, 4);
  if (!["PK\x03\x04", "PK\x05\x06", "PK\x07\x08"].includes(kind)) return undefined;
  const entry = head.toString("latin1", 30, 30 + (head.length > 28 ? head.readUInt16LE(26) : 0));
  if (/^(?:\[Content_Types\]\.xml|_rels\/|docProps\/|xl\/)/.test(entry))
    return { is: "an Excel workbook (.xlsx)", toDo: AS_XLSX, type: "xlsx" };
  if (entry === "mimetype") return { is: "an OpenDocument spreadsheet (.ods)", toDo: AS_CSV };
  return {
    is: "a zip archive",
    toDo: "end its name in .zip (HTTP: Content-Type: application/zip), or unpack it",
    type: "zip",
  };
}

const [LF, CR, QUOTE] = [10, 13, 34];
const WITH_LF = "write it with \\n or \\r\\n";

/** Refuses HTML and XML, and lines that end in CR alone or CR CR LF. The first line end outside of quotes decides. */
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

/** The text without its byte order mark. */
const textOf = (head: Buffer) => head.toString().replace(/^\uFEFF/, "");

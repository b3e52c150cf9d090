/** Reads the start of a file, unpacked, for inspect. The rest of the file is not read. */
import { escaped } from "../../shown.ts";
import { formatOfFile } from "../formats/file-formats.ts";
import { expecting } from "../formats/file-type.ts";
import { openZip } from "../formats/unzip.ts";
import type { FormatName } from "../recipes/recipe.ts";
import type { Start } from "./detect.ts";

/** How many unpacked bytes are kept: more than a request sends, and than the detectors look at. */
const START_BYTES_MAX = 2 * 1024 * 1024;

export interface FileStart extends Start {
  /** How it is packed, and what shows it; undefined if it is not. */
  packing: { is: string; evidence: string } | undefined;
  /** The format that its name says. In a zip archive it is the name of the file inside. */
  byName: FormatName | undefined;
}

/**
 * @param as what its name says, or what a request says
 * @throws MusterError `refused` if it is packed in another way than is said, or no byte can be unpacked
 */
export async function startOf(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  { packing, isZip, format }: ReturnType<typeof formatOfFile> = formatOfFile(name),
): Promise<FileStart> {
  if (isZip) {
    await using zip = await openZip(chunks, escaped(name), {});
    const byName = formatOfFile(zip.entry).format ?? format;
    const evidence = `a zip archive that holds ${escaped(zip.entry)}`;
    return { ...(await take(zip.read())), byName, packing: { is: "zip", evidence } };
  }
  if (!packing) return { ...(await take(chunks)), byName: format, packing: undefined };
  const plain = packing.unpack(expecting(packing.type, chunks, escaped(name)), escaped(name));
  const evidence = `its first bytes are those of ${packing.type}`;
  return { ...(await take(plain)), byName: format, packing: { is: packing.type, evidence } };
}

/** Takes the first bytes. An error after some bytes is left to the reader of the rows. */
async function take(chunks: AsyncIterable<Uint8Array>): Promise<Start> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      held.push(chunk);
      bytes += chunk.length;
      if (bytes >= START_BYTES_MAX) return { head: Buffer.concat(held).subarray(0, START_BYTES_MAX), isWhole: false };
    }
  } catch (error) {
    if (bytes === 0) throw error;
    return { head: Buffer.concat(held), isWhole: false };
  }
  return { head: Buffer.concat(held), isWhole: true };
}

const LF = 10;

/**
 * The bytes up to the last line end, if they are the first part of a longer text: its last line may be cut.
 * @returns all bytes if they have no line end
 */
export function wholeLines(head: Buffer, encoding = "utf-8"): Buffer {
  const wide = encoding.toLowerCase().startsWith("utf-16") ? 2 : 1;
  for (let at = head.lastIndexOf(LF); at !== -1; at = at === 0 ? -1 : head.lastIndexOf(LF, at - 1)) {
    if (wide === 1) return head.subarray(0, at + 1);
    const start = at & ~1;
    if ((head[start] ?? 0) + (head[start + 1] ?? 0) === LF) return head.subarray(0, start + 2);
  }
  return head;
}

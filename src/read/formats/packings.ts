/** How files are packed. To add a packing, write an Unpack and give it a line in PACKINGS. Zip archives: unzip.ts. */
import { gunzipped, type Unpack, unzstd } from "../../codecs/unpack.ts";
import type { ReadRows } from "../file-row.ts";
import { expecting, type FileType, markedType } from "./file-type.ts";

export interface Packing {
  /** What a name ends in after the ending of the format. */
  ending: string;
  /** What a request's Content-Encoding calls it. */
  codings: readonly string[];
  /** What the first bytes must be. */
  type: FileType;
  unpack: Unpack;
}

export const PACKINGS: readonly Packing[] = [
  { ending: ".gz", codings: ["gzip", "x-gzip"], type: "gzip", unpack: gunzipped },
  { ending: ".zst", codings: ["zstd"], type: "zstd", unpack: unzstd },
];

/** The content codings that bodies may have. */
export const CODINGS: readonly string[] = PACKINGS.flatMap(({ codings: [coding = ""] }) => coding);

export const packingOfCoding = (coding: string): Packing | undefined =>
  PACKINGS.find(({ codings }) => codings.includes(coding));

export const packingOfEnding = (name: string): Packing | undefined =>
  PACKINGS.find(({ ending }) => name.toLowerCase().endsWith(ending));

/** @param head the first bytes of a file without a name */
export const packingOfBytes = (head: Buffer): Packing | undefined => {
  const marked = markedType(head);
  return PACKINGS.find(({ type }) => type === marked);
};

/** Unpacks a file, and reads its rows. */
export const unpacking =
  ({ type, unpack }: Packing, read: ReadRows, bytesMax?: number): ReadRows =>
  (table, chunks, name, options) =>
    read(table, unpack(expecting(type, chunks, name), name, bytesMax), name, options);

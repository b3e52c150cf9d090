/** Reads the only file of a zip archive. */
import type { Entry } from "yauzl";
import { bounded } from "../../codecs/unpack.ts";
import { MusterError } from "../../errors.ts";
import { escaped } from "../../shown.ts";
import type { ReadOptions } from "../file-row.ts";
import type { Archive } from "./archive.ts";
import { expecting } from "./file-type.ts";

/** How many entries are named in one line. */
const NAMED_MAX = 5;
/** Entries without data: folders, hidden files, and what macOS adds. */
const SIDE_ENTRY = /\/$|^__MACOSX\/|(?:^|\/)\.[^/]*$/;

export interface Zip extends AsyncDisposable {
  /** The name of its only file, without the folders around it. It is text, and never used as a path. */
  entry: string;
  /** Unpacks the file piece by piece, and checks its size and CRC. */
  read(): AsyncGenerator<Uint8Array>;
}

/**
 * Opens an archive with exactly one file. Its directory is at its end, so all bytes are first written to a temporary file.
 * @param name what the archive is called in an error
 * @throws MusterError `refused` if it is damaged, has several files, or has one that cannot be read; `unavailable` if the disk
 * is full. Passes on what `chunks` throws
 */
export async function openZip(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { bytesMax, say }: Pick<ReadOptions, "bytesMax" | "say">,
): Promise<Zip> {
  // Loaded here, so that a command that reads no archive starts without it.
  const { Archive: Zip } = await import("./archive.ts");
  const archive = await Zip.open(expecting("zip", chunks, name), name, "zip");
  try {
    const entry = fileIn(archive, name, say);
    const { fileName } = entry;
    return {
      entry: fileName.slice(fileName.lastIndexOf("/") + 1),
      read: () => bounded(archive.read(entry), name, bytesMax),
      [Symbol.asyncDispose]: () => archive.close(),
    };
  } catch (error) {
    await archive.close();
    throw error;
  }
}

/** Finds the only file. */
function fileIn(archive: Archive, name: string, say: ReadOptions["say"]): Entry {
  const { entries } = archive;
  const files = entries.filter(({ fileName }) => !SIDE_ENTRY.test(fileName));
  const entry = onlyFile(archive, files, name);
  const sides = entries.filter(({ fileName }) => SIDE_ENTRY.test(fileName)).map(({ fileName }) => fileName);
  if (sides.length > 0) say?.(`${name}: skipped entries without data: ${namesOf(sides)}`);
  return entry;
}

function onlyFile(archive: Archive, files: readonly Entry[], name: string): Entry {
  const [entry] = files;
  if (!entry) throw refused(name, "holds no file: pack the file again");
  const names = files.map(({ fileName }) => fileName);
  if (names.includes("xl/workbook.xml")) throw refused(name, "is an Excel workbook: end its name in .xlsx");
  if (files.length > 1) {
    const toDo = "unpack it into a folder, or pack each file alone";
    throw refused(name, `holds ${files.length} files (${namesOf(names)}), and only archives of one are read: ${toDo}`);
  }
  const its = `holds ${escaped(entry.fileName)}, which is`;
  const why = archive.whyNotUnpacked(entry);
  if (why !== undefined) throw refused(name, `${its} ${why}`);
  if (/\.(?:gz|zst|bz2|xz|zip|7z|rar|tar|tgz|lz4)$/i.test(entry.fileName))
    throw refused(name, `${its} itself packed: unpack it`);
  return entry;
}

const namesOf = (names: readonly string[]) =>
  names.slice(0, NAMED_MAX).map(escaped).join(", ") + (names.length > NAMED_MAX ? ", ..." : "");

const refused = (name: string, why: string) => new MusterError("refused", `${name} ${why}`);

/** Reads the only file of a zip archive. */
import { crc32, createInflateRaw } from "node:zlib";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { bounded, damagedFile, unpacked } from "../codecs/unpack.ts";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES } from "../event-loop.ts";
import { cut, escaped } from "../shown.ts";
import type { ReadOptions } from "./file-row.ts";
import { expecting } from "./file-type.ts";
import { NamelessFile } from "./spool.ts";

/** The most entries of an archive. They are all looked at, because exactly one of them must be a file. */
const ENTRIES_MAX = 1_000;
/** How many entries are named in one line. */
const NAMED_MAX = 5;
/** Entries without data: folders, hidden files, and what macOS adds. */
const SIDE_ENTRY = /\/$|^__MACOSX\/|(?:^|\/)\.[^/]*$/;
const [STORED, DEFLATED] = [0, 8];

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
  const damaged = damagedFile(name, "zip");
  const file = await NamelessFile.create();
  try {
    for await (const chunk of expecting("zip", chunks, name)) await file.append(chunk);
    if (file.bytes === 0) throw damaged("it is empty");
    const { entry, start } = await sound(damaged, () => look(file, name, say));
    const { fileName, compressedSize: bytes } = entry;
    const read = () => bounded(contents(entry, file.chunks({ offset: start, bytes }), damaged), name, bytesMax);
    return {
      entry: fileName.slice(fileName.lastIndexOf("/") + 1),
      read,
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Finds the only file, and where its bytes begin. */
async function look(file: NamelessFile, name: string, say: ReadOptions["say"]) {
  const zip = await fromRandomAccessReaderPromise(new Reader(file), file.bytes, { autoClose: false });
  const files: Entry[] = [];
  const sides: string[] = [];
  for await (const entry of zip.eachEntry()) {
    if (SIDE_ENTRY.test(entry.fileName)) sides.push(entry.fileName);
    else files.push(entry);
    if (files.length + sides.length > ENTRIES_MAX) throw refused(name, `has over ${ENTRIES_MAX} entries: unpack it`);
  }
  await assertWhole(zip, file);
  const entry = onlyFile(files, name);
  if (sides.length > 0) say?.(`${name}: skipped entries without data: ${namesOf(sides)}`);
  return { entry, start: await startOf(zip, entry) };
}

/** Two archives in one file would be read as one of them: the directory must end where the archive's end begins. */
async function assertWhole({ readEntryCursor, comment }: ZipFile, file: NamelessFile): Promise<void> {
  const end = Number(readEntryCursor);
  const gap = file.bytes - END_BYTES - comment.length - end;
  if (gap === 0) return;
  const isZip64 = gap >= ZIP64_END_BYTES && (await bytesAt(file, end, 4)).readUInt32LE() === ZIP64_END;
  if (!isZip64) throw new Error("it has bytes that belong to none of its files");
}

const END_BYTES = 22;
const ZIP64_END = 0x06064b50;
/** The end of a zip64 directory and its locator. */
const ZIP64_END_BYTES = 56 + 20;

function onlyFile(files: readonly Entry[], name: string): Entry {
  const [entry] = files;
  if (!entry) throw refused(name, "holds no file: pack the file again");
  const names = files.map(({ fileName }) => fileName);
  if (names.includes("xl/workbook.xml")) throw refused(name, "is an Excel workbook: end its name in .xlsx");
  if (files.length > 1) {
    const toDo = "unpack it into a folder, or pack each file alone";
    throw refused(name, `holds ${files.length} files (${namesOf(names)}), and only archives of one are read: ${toDo}`);
  }
  const its = `holds ${escaped(entry.fileName)}, which is`;
  if (entry.isEncrypted()) throw refused(name, `${its} encrypted: unpack it with its password`);
  if (![STORED, DEFLATED].includes(entry.compressionMethod)) {
    const how = `packed by the method ${entry.compressionMethod}, not deflate`;
    throw refused(name, `${its} ${how}: unpack it`);
  }
  if (/\.(?:gz|zst|bz2|xz|zip|7z|rar|tar|tgz|lz4)$/i.test(entry.fileName))
    throw refused(name, `${its} itself packed: unpack it`);
  return entry;
}

const namesOf = (names: readonly string[]) =>
  names.slice(0, NAMED_MAX).map(escaped).join(", ") + (names.length > NAMED_MAX ? ", ..." : "");

const startOf = (zip: ZipFile, entry: Entry): Promise<number> =>
  new Promise((resolve, reject) => {
    zip.readLocalFileHeader(entry, { minimal: true }, (error, header) =>
      error ? reject(error) : resolve(header.fileDataStart),
    );
  });

async function* contents(
  { compressionMethod, uncompressedSize, crc32: expected }: Entry,
  packed: AsyncGenerator<Uint8Array>,
  damaged: (why: string) => MusterError,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let crc = 0;
  let taken = 0;
  const inflate = createInflateRaw({ chunkSize: CHUNK_BYTES });
  const counted = async function* () {
    for await (const chunk of packed) {
      taken += chunk.length;
      yield chunk;
    }
  };
  const isStored = compressionMethod === STORED;
  for await (const chunk of isStored ? packed : unpacked(counted(), inflate, damaged)) {
    bytes += chunk.length;
    if (bytes > uncompressedSize) break;
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (bytes !== uncompressedSize || (!isStored && inflate.bytesWritten < taken))
    throw damaged(`its file has another size than the ${uncompressedSize} bytes that the archive says`);
  if (crc !== expected) throw damaged("its file is damaged (the CRC differs)");
}

/** Gives yauzl the bytes of a temporary file. */
class Reader extends RandomAccessReader {
  constructor(private readonly file: NamelessFile) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, bytes?: number) => void,
  ): void {
    bytesAt(this.file, position, length).then(
      (bytes) => done(null, bytes.copy(buffer, offset)),
      (error) => done(error),
    );
  }

  override close(done: (error: Error | null) => void): void {
    done(null);
  }
}

async function bytesAt(file: NamelessFile, offset: number, bytes: number): Promise<Buffer> {
  if (offset + bytes > file.bytes) throw new Error("it is cut off");
  return Buffer.concat(await Array.fromAsync(file.chunks({ offset, bytes })));
}

/** Turns yauzl's errors into those of a damaged file. */
async function sound<Result>(damaged: (why: string) => MusterError, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof MusterError) throw error;
    const why = error instanceof Error ? error.message : `${error}`;
    throw damaged(SHORTER.find(([begins]) => why.startsWith(begins))?.[1] ?? escaped(cut(why)));
  }
}

/** How the commonest of yauzl's errors begin, and what they mean. */
const SHORTER = [
  ["End of central directory record signature not found", "it is cut off"],
  ["Invalid comment length", "it goes on after its end"],
  ["strong encryption", "it is encrypted"],
] as const;

const refused = (name: string, why: string) => new MusterError("refused", `${name} ${why}`);

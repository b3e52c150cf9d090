/** Reads the entries of a zip archive. Its directory is at its end, so all bytes are first written to a temporary file. */
import { crc32, createInflateRaw } from "node:zlib";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { damagedFile, unpacked } from "../../codecs/unpack.ts";
import { MusterError } from "../../errors.ts";
import { CHUNK_BYTES } from "../../event-loop.ts";
import { cut, escaped } from "../../shown.ts";
import { NamelessFile } from "../sources/spool.ts";

/** The most entries of an archive. They are all looked at. */
const ENTRIES_MAX = 1_000;
const [STORED, DEFLATED] = [0, 8];

type Damaged = (why: string) => MusterError;

export class Archive implements AsyncDisposable {
  private constructor(
    readonly entries: readonly Entry[],
    private readonly zip: ZipFile,
    private readonly file: NamelessFile,
    private readonly damaged: Damaged,
  ) {}

  /**
   * @param name what the archive is called in an error
   * @param kind what it should be, such as "zip"
   * @throws MusterError `refused` if it is damaged or has too many entries, `unavailable` if the disk is full. Passes on what
   * `chunks` throws
   */
  static async open(chunks: AsyncIterable<Uint8Array>, name: string, kind: string): Promise<Archive> {
    const damaged = damagedFile(name, kind);
    const file = await NamelessFile.create();
    try {
      for await (const chunk of chunks) await file.append(chunk);
      if (file.bytes === 0) throw damaged("it is empty");
      const { zip, entries } = await sound(damaged, () => directoryOf(file, name));
      return new Archive(entries, zip, file, damaged);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Unpacks an entry piece by piece, and checks its size and CRC. */
  async *read(entry: Entry): AsyncGenerator<Uint8Array> {
    const offset = await sound(this.damaged, () => startOf(this.zip, entry));
    yield* unpackedEntry(entry, this.file.chunks({ offset, bytes: entry.compressedSize }), this.damaged);
  }

  /** Why an entry cannot be unpacked; undefined if it can. */
  whyNotUnpacked(entry: Entry): string | undefined {
    if (entry.isEncrypted()) return "encrypted: unpack it with its password";
    if ([STORED, DEFLATED].includes(entry.compressionMethod)) return undefined;
    return `packed by the method ${entry.compressionMethod}, not deflate: unpack it`;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function directoryOf(file: NamelessFile, name: string): Promise<{ zip: ZipFile; entries: Entry[] }> {
  const zip = await fromRandomAccessReaderPromise(new Reader(file), file.bytes, { autoClose: false });
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    entries.push(entry);
    if (entries.length > ENTRIES_MAX)
      throw new MusterError("refused", `${name} has over ${ENTRIES_MAX} entries: unpack it`);
  }
  await assertWhole(zip, file);
  return { zip, entries };
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

const startOf = (zip: ZipFile, entry: Entry): Promise<number> =>
  new Promise((resolve, reject) => {
    zip.readLocalFileHeader(entry, { minimal: true }, (error, header) =>
      error ? reject(error) : resolve(header.fileDataStart),
    );
  });

async function* unpackedEntry(
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

/** Reads the values of a column in a row group, page by page. Holds one page and the dictionary. */
import { crc32 } from "node:zlib";
import { MusterError } from "../errors.ts";
import { cutOff, damaged, ParquetBytes, type ParquetSource } from "./parquet-bytes.ts";
import { Deltas, LengthsFirst, Prefixed } from "./parquet-deltas.ts";
import { Places, Plain, Runs, SplitBytes, type StoredValue, TYPE } from "./parquet-encodings.ts";
import type { ColumnChunk, ParquetLeaf } from "./parquet-footer.ts";
import { ENCODING, PAGE, type PageHeader, pageHeader } from "./parquet-page-header.ts";
import { type UnpackPage, unpackerOf } from "./parquet-unpack.ts";
import { valueReader } from "./parquet-values.ts";
import { Thrift } from "./thrift.ts";

/** The most bytes that all open pages and dictionaries of a row group may unpack to: they are held in memory. */
const OPEN_BYTES_MAX = 256 * 1024 * 1024;
/** The most bytes of one page, packed or unpacked. Writers make pages of about 1 MiB. */
const PAGE_BYTES_MAX = 64 * 1024 * 1024;
/** The most values of a dictionary: each becomes an object. Writers keep dictionaries below 1 MiB. */
const DICTIONARY_VALUES_MAX = 1024 * 1024;
/** How many bytes a page's header has at most. It may hold the least and the largest value. */
const [HEADER_BYTES, HEADER_BYTES_MAX] = [512, 256 * 1024];

/** What the columns of a file share. */
export interface OpenFile {
  source: ParquetSource;
  unpackers: Map<number, UnpackPage>;
  /** How many bytes are unpacked now, how many were in all, and how many may be. */
  open: number;
  sum: number;
  sumMax: number;
}

export class ColumnReader {
  /** How many values of the page are left. */
  left = 0;
  #at: number;
  #pageBytes = 0;
  #dictionaryBytes = 0;
  #dictionary: unknown[] | undefined;
  #levels: Runs | undefined;
  #values: { next(): unknown } | undefined;
  readonly #unpack: UnpackPage;
  readonly #convert: (value: StoredValue) => unknown;

  constructor(
    private readonly file: OpenFile,
    private readonly leaf: ParquetLeaf,
    private readonly chunk: ColumnChunk,
  ) {
    this.#at = chunk.start;
    this.#unpack = file.unpackers.get(chunk.codec) ?? unpackerOf(chunk.codec);
    file.unpackers.set(chunk.codec, this.#unpack);
    this.#convert = valueReader(leaf);
  }

  /** The next value of the page as JSON has it; null if there is none. */
  next(): unknown {
    this.left--;
    const level = this.#levels?.next() ?? 1;
    if (level === 0) return null;
    if (level > 1 || !this.#values) throw damaged("a value has a level that its column does not have");
    return this.#values.next();
  }

  /** Opens the next page that has values. */
  async load(): Promise<void> {
    while (this.left === 0) {
      const { header, body } = await this.#page();
      if (header.type === PAGE.dictionary) this.#openDictionary(header, body);
      else if (header.type === PAGE.data || header.type === PAGE.dataV2) this.#open(header, body);
    }
  }

  /** Forgets the page and the dictionary. */
  close(): void {
    this.file.open -= this.#pageBytes + this.#dictionaryBytes;
    this.#values = undefined;
  }

  async #page(): Promise<{ header: PageHeader; body: Buffer }> {
    const { end } = this.chunk;
    const { header, length } = await this.#header();
    const start = this.#at + length;
    if (start + header.packedBytes > end) throw damaged("a page goes on after the end of its column");
    for (const bytes of [header.bytes, header.packedBytes]) if (bytes > PAGE_BYTES_MAX) throw tooLarge(bytes);
    const body = await this.file.source.bytesAt(start, header.packedBytes);
    if (header.crc !== undefined && crc32(body) !== header.crc >>> 0) throw damaged("a page has another checksum");
    this.#at = start + header.packedBytes;
    return { header, body };
  }

  async #header(): Promise<{ header: PageHeader; length: number }> {
    const rest = this.chunk.end - this.#at;
    if (rest <= 0) throw damaged("a column has fewer values than rows");
    for (let bytes = HEADER_BYTES; ; bytes *= 8) {
      const thrift = new Thrift(await this.file.source.bytesAt(this.#at, Math.min(bytes, rest)));
      try {
        return { header: pageHeader(thrift), length: thrift.at };
      } catch (error) {
        // The header may be longer than what was read of it.
        if (bytes >= rest || bytes >= HEADER_BYTES_MAX) throw error;
      }
    }
  }

  #count(bytes: number): void {
    const { file } = this;
    file.open += bytes;
    file.sum += bytes;
    if (file.open > OPEN_BYTES_MAX)
      throw refused(
        `a row group has ${file.open} bytes in open pages, and up to ${OPEN_BYTES_MAX} are held: write smaller pages`,
      );
    if (file.sum > file.sumMax) throw refused(`it unpacks to more than ${file.sumMax} bytes`);
  }

  #openDictionary({ bytes, values }: PageHeader, body: Buffer): void {
    if (this.#dictionary) throw damaged("a column has two dictionaries");
    if (values > DICTIONARY_VALUES_MAX)
      throw refused(`a dictionary has ${values} values, and up to ${DICTIONARY_VALUES_MAX} are read: write it without`);
    this.#count(bytes);
    this.#dictionaryBytes = bytes;
    const plain = new Plain(new ParquetBytes(this.#unpack(body, bytes)), this.leaf.type, this.leaf.typeLength);
    this.#dictionary = [];
    for (let left = values; left > 0; left--) this.#dictionary.push(this.#convert(plain.next()));
  }

  #open(header: PageHeader, body: Buffer): void {
    this.file.open -= this.#pageBytes;
    this.#pageBytes = header.bytes;
    this.#count(header.bytes);
    const page = header.type === PAGE.data ? this.#openFirst(header, body) : this.#openSecond(header, body);
    this.#levels = page.levels;
    this.#values = this.#decoder(header.encoding, page.values);
    this.left = header.values;
  }

  /** Version 1: everything is packed. */
  #openFirst({ bytes, levelsEncoding }: PageHeader, body: Buffer) {
    const values = new ParquetBytes(this.#unpack(body, bytes));
    if (!this.leaf.isOptional) return { values, levels: undefined };
    if (levelsEncoding !== ENCODING.rle) throw unknownEncoding(levelsEncoding);
    const levels = new ParquetBytes(values.take(values.take(4).readUInt32LE()));
    return { values, levels: new Runs(levels, 1) };
  }

  /** Version 2: the levels stand before the values and are not packed. */
  #openSecond({ bytes, repetitionBytes, definitionBytes, isPacked }: PageHeader, body: Buffer) {
    const from = new ParquetBytes(body);
    from.take(repetitionBytes);
    const levels = from.take(definitionBytes);
    const rest = from.take(from.left);
    const size = bytes - repetitionBytes - definitionBytes;
    if (size < 0) throw damaged("a page has another size than its parts");
    // A page without values need not be what its codec calls an empty page.
    const values = isPacked && size > 0 ? this.#unpack(rest, size) : rest;
    return {
      values: new ParquetBytes(values),
      levels: this.leaf.isOptional ? new Runs(new ParquetBytes(levels), 1) : undefined,
    };
  }

  #decoder(encoding: number, bytes: ParquetBytes): { next(): unknown } {
    if (encoding === ENCODING.plainDictionary || encoding === ENCODING.dictionary) {
      // A page of nothing but nulls needs no dictionary.
      return new Places(bytes, this.#dictionary ?? []);
    }
    const stored = storedValues(encoding, bytes, this.leaf);
    return { next: () => this.#convert(stored.next()) };
  }
}

function storedValues(
  encoding: number,
  bytes: ParquetBytes,
  { type, typeLength }: ParquetLeaf,
): { next(): StoredValue } {
  const isWhole = type === TYPE.int32 || type === TYPE.int64;
  const isBytes = type === TYPE.bytes;
  if (encoding === ENCODING.plain) return new Plain(bytes, type, typeLength);
  // Without values there are no bytes, not even those that would begin them.
  if (bytes.left === 0)
    return {
      next: () => {
        throw cutOff();
      },
    };
  if (encoding === ENCODING.rle && type === TYPE.boolean) {
    const runs = new Runs(new ParquetBytes(bytes.take(bytes.take(4).readUInt32LE())), 1);
    return { next: () => runs.next() === 1 };
  }
  if (encoding === ENCODING.delta && isWhole) return new Deltas(bytes, type === TYPE.int64);
  if (encoding === ENCODING.lengths && isBytes) return new LengthsFirst(bytes);
  if (encoding === ENCODING.prefixed && (isBytes || type === TYPE.fixed)) return new Prefixed(bytes);
  if (encoding === ENCODING.split && !isBytes && type !== TYPE.boolean) return new SplitBytes(bytes, type, typeLength);
  throw unknownEncoding(encoding);
}

const refused = (why: string) => new MusterError("refused", why);
const tooLarge = (bytes: number) =>
  refused(`a page has ${bytes} bytes, and up to ${PAGE_BYTES_MAX} are read: write smaller pages`);
const unknownEncoding = (encoding: number) =>
  refused(`it has values in the encoding ${encoding}, which is not read: write it with the default encodings`);

/** Finds a source in S3: the objects below a prefix, or one object. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { CHUNK_BYTES } from "../event-loop.ts";
import { S3Location } from "../s3/location.ts";
import { type ListedObject, listKeys, readObject } from "../s3/objects.ts";
import { isTableFolder, type Skipped, whyFolderSkipped } from "./file-names.ts";
import type { FoundFile, SourceFound } from "./source.ts";

/** How many skipped folders are remembered. */
const FOLDERS_MAX = 10_000;

/**
 * Lists the objects of a prefix as if they were a directory's files (its own, and those in a folder named for a table), or
 * finds the one object named. However often an object is read, it is the version that was listed.
 * @param signal stops reading, with an error
 * @throws MusterError `invalid` if the URL names no bucket, `unavailable` if S3 does not answer
 */
export async function findObjects(url: string, settings?: S3ClientConfig, signal?: AbortSignal): Promise<SourceFound> {
  const one = url.endsWith("/") ? undefined : await findOne(url, settings, signal);
  if (one) return one;
  const location = S3Location.parse(url, settings, signal);
  const files: FoundFile[] = [];
  const skipped: Skipped[] = [];
  const folders = new Set<string>();
  for await (const object of listKeys(location)) {
    const [first = "", second, ...deeper] = object.key.split("/");
    if (object.key.endsWith("/")) {
      // S3 consoles make an empty object to stand for a folder. It can be ignored.
      const why = "its key ends in /, like a folder's (copy it to a key with a file's name)";
      if (object.bytes > 0) skipped.push({ name: object.key, why });
    } else if (second === undefined || (isTableFolder(first) && deeper.length === 0))
      files.push(fileOf(location, object));
    else if (folders.size < FOLDERS_MAX) folders.add(isTableFolder(first) ? `${first}/${second}` : first);
  }
  for (const name of folders) skipped.push({ name, why: whyFolderSkipped(name) });
  return { name: `${location}`, isOne: false, files, skipped };
}

async function findOne(url: string, settings?: S3ClientConfig, signal?: AbortSignal): Promise<SourceFound | undefined> {
  const whole = S3Location.parse(url, settings);
  const key = whole.prefix.slice(0, -1).split("/").at(-1);
  if (!key) return undefined;
  const location = S3Location.parse(url.slice(0, -key.length), settings, signal);
  for await (const object of listKeys(location, key)) {
    // Keys are listed in order: the key itself comes before longer ones.
    if (object.key !== key) break;
    return { name: `${location}${key}`, isOne: true, files: [fileOf(location, object)], skipped: [] };
  }
  return undefined;
}

function fileOf(location: S3Location, { key, bytes, version }: ListedObject): FoundFile {
  const open = () => readAhead(inChunks(readObject(location, key, undefined, version)));
  const identity = { name: `${location}${key}`, etag: version, isObject: true };
  return { name: key, bytes, identity, open };
}

/** Joins what the network brings into chunks of at least CHUNK_BYTES. */
async function* inChunks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    held.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/** Fetches the next chunk while one is worked on. */
async function* readAhead(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const fetchNext = () => {
    const next = chunks.next();
    next.catch(() => {}); // the loop below awaits it, and gets the error
    return next;
  };
  try {
    for (let next = fetchNext(); ; ) {
      const { value, done } = await next;
      if (done) return;
      next = fetchNext();
      yield value;
    }
  } finally {
    // Not awaited: it waits for the chunk that is being fetched.
    chunks.return(undefined).catch(() => {});
  }
}

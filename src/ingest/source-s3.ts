/** A source in S3: the objects below a prefix, or one object. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { tableNames } from "../codecs/tables.ts";
import { type ListedObject, listKeys, readObject, S3Location } from "../s3.ts";
import { CHUNK_BYTES } from "../turn.ts";

/** Objects as a directory's files: their names are relative to the source, which is one object where it is named itself. */
export interface ObjectsFound {
  name: string;
  isOne: boolean;
  files: { name: string; bytes: number; open(): AsyncIterable<Uint8Array> }[];
}

/**
 * Lists the objects of a prefix (its own, and those in a folder named for a table) or finds the one named. What is read
 * of them is the version that was listed, however often, until the signal aborts.
 * @throws MusterError `invalid` for a URL that is none, `unavailable` where S3 does not answer
 */
export async function findObjects(url: string, settings?: S3ClientConfig, signal?: AbortSignal): Promise<ObjectsFound> {
  const one = url.endsWith("/") ? undefined : await findOne(url, settings, signal);
  if (one) return one;
  const location = S3Location.parse(url, settings, signal);
  const files: ObjectsFound["files"] = [];
  for await (const object of listKeys(location)) {
    if (isFile(object.key)) files.push(fileOf(location, object));
  }
  return { name: `${location}`, isOne: false, files };
}

async function findOne(
  url: string,
  settings?: S3ClientConfig,
  signal?: AbortSignal,
): Promise<ObjectsFound | undefined> {
  const whole = S3Location.parse(url, settings);
  const key = whole.prefix.slice(0, -1).split("/").at(-1);
  if (!key) return undefined;
  const location = S3Location.parse(url.slice(0, -key.length), settings, signal);
  for await (const object of listKeys(location, key)) {
    // Keys are listed in order, so that the shortest is the first.
    if (object.key !== key) break;
    return { name: `${location}${key}`, isOne: true, files: [fileOf(location, object)] };
  }
  return undefined;
}

function isFile(key: string): boolean {
  const [folder = "", file, ...deeper] = key.includes("/") ? key.split("/") : ["", key];
  if (!file || file.startsWith(".") || deeper.length > 0) return false;
  return folder === "" || tableNames.some((table) => table === folder);
}

function fileOf(location: S3Location, { key, bytes, version }: ListedObject): ObjectsFound["files"][number] {
  const open = () => readAhead(inChunks(readObject(location, key, undefined, version)));
  return { name: key, bytes, open };
}

/** A network brings less at once, or more. */
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

/** While one chunk is worked on the next is fetched. */
async function* readAhead(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const fetchNext = () => {
    const next = chunks.next();
    next.catch(() => {}); // thrown where it is awaited
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
    // Not waited for: it takes its turn behind the chunk that is under way.
    chunks.return(undefined).catch(() => {});
  }
}

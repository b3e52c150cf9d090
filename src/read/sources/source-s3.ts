/** Finds a source in S3: the objects below a prefix, or one object. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { CHUNK_BYTES } from "../../event-loop.ts";
import { S3Location } from "../../s3/location.ts";
import { type ListedObject, listKeys, readObject } from "../../s3/objects.ts";
import { refuseLake } from "./choose-file.ts";
import { isSideName } from "./file-names.ts";
import {
  assertFewFiles,
  type Choose,
  type Chosen,
  type ChosenFile,
  ENTRIES_MAX,
  type Found,
  type Place,
  tooMany,
} from "./found-source.ts";
import { SkippedThings } from "./skipped.ts";

/**
 * Looks whether the user names a prefix or an object. However often an object is read, it is the version that was listed.
 * @param signal stops reading, with an error
 * @throws MusterError `invalid` if the URL names no bucket, `unavailable` if S3 does not answer
 */
export async function placeOfUrl(url: string, settings?: S3ClientConfig, signal?: AbortSignal): Promise<Place> {
  const one = url.endsWith("/") ? undefined : await findOne(url, settings, signal);
  const location = one?.location ?? S3Location.parse(url, settings, signal);
  const folder = location.prefix.split("/").at(-2) ?? "";
  const name = `${location}${one?.object.key ?? ""}`;
  const find = async (choose: Choose): Promise<Found> => {
    const { files, skipped } = await chosenOf(one ? [one.object] : listKeys(location), location, choose);
    return { name, files, skipped };
  };
  return { location: url, name, besides: `${location}`, isOne: one !== undefined, folder, find };
}

/** Reads a prefix as if it were a directory. */
async function chosenOf(
  objects: Iterable<ListedObject> | AsyncIterable<ListedObject>,
  location: S3Location,
  choose: Choose,
): Promise<Pick<Found, "files" | "skipped">> {
  const files: ChosenFile[] = [];
  const skipped = new SkippedThings();
  const hidden = new Set<string>();
  let entries = 0;
  for await (const object of objects) {
    if (++entries > ENTRIES_MAX) throw tooMany(`${location}`);
    const folder = hiddenFolderOf(object.key);
    if (folder !== undefined) {
      if (hidden.has(folder) || hidden.size >= HIDDEN_FOLDERS_MAX) continue;
      hidden.add(folder);
      refuseLake(folder, `${location}`, choose);
      skipped.add(folder, "");
    } else if (object.key.endsWith("/")) {
      // S3 consoles make an empty object to stand for a folder. It can be ignored.
      if (object.bytes > 0)
        skipped.add(object.key, "its key ends in /, like a folder's (copy it to a key with a file's name)");
    } else {
      const choice = choose(object.key);
      if (choice.is === "skipped") skipped.add(object.key, choice.why);
      else if (choice.is === "read") files.push(fileOf(location, object, choice));
      assertFewFiles(files);
    }
  }
  return { files, skipped };
}

/** How many hidden folders are remembered. */
const HIDDEN_FOLDERS_MAX = 10_000;

/** The path to the first hidden folder in a key, with a slash at its end. */
function hiddenFolderOf(key: string): string | undefined {
  const folders = key.split("/").slice(0, -1);
  const at = folders.findIndex(isSideName);
  return at < 0 ? undefined : `${folders.slice(0, at + 1).join("/")}/`;
}

interface OneObject {
  location: S3Location;
  object: ListedObject;
}

async function findOne(url: string, settings?: S3ClientConfig, signal?: AbortSignal): Promise<OneObject | undefined> {
  const whole = S3Location.parse(url, settings);
  const key = whole.prefix.slice(0, -1).split("/").at(-1);
  if (!key) return undefined;
  const location = S3Location.parse(url.slice(0, -key.length), settings, signal);
  for await (const object of listKeys(location, key)) {
    // Keys are listed in order: the key itself comes before longer ones.
    return object.key === key ? { location, object } : undefined;
  }
  return undefined;
}

function fileOf(location: S3Location, { key, bytes, version }: ListedObject, { table, recipe }: Chosen): ChosenFile {
  const open = () => readAhead(inChunks(readObject(location, key, undefined, version)));
  const identity = { name: `${location}${key}`, etag: version, isObject: true };
  return { name: key, bytes, table, recipe, identity, open };
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

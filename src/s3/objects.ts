/** Reads, lists, writes and deletes the objects of an S3 location. */
import { addAbortSignal, Readable } from "node:stream";
import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { MusterError } from "../errors.ts";
import { type S3Location, sdk } from "./location.ts";
import { explained } from "./s3-errors.ts";

/** After this many resumptions in a row without a new byte, reading fails. */
const RESUMES_MAX = 4;
/** The pause before the first resumption. It doubles with each resumption that brings no new byte. */
const RESUME_PAUSE_MS = 50;
/** S3 takes at most 10,000 parts, of at least 5 MiB each. With 8 MiB an object may have 80 GiB. */
const PART_BYTES = 8 * 1024 * 1024;
/** How many parts an upload fills or sends at once. It holds them in memory. */
const PARTS_HELD = 2;

export interface ByteRange {
  start: number;
  /** Inclusive. */
  end: number;
}

/**
 * Reads the bytes of an object, or of a range of it. If the body breaks off, reading resumes from there, in the same version of
 * the object.
 * @param version the entity tag that the object must have
 * @throws MusterError `not_found` if there is no such object, `unavailable` if it changes while it is read
 */
export async function* readObject(
  location: S3Location,
  key: string,
  range?: ByteRange,
  version?: string,
): AsyncGenerator<Uint8Array> {
  let object = await openObject(location, key, range, version);
  const { etag, end } = object;
  let next = object.start;
  for (let resumes = 0; next <= end; resumes++) {
    let broken: unknown = Object.assign(new Error("the body ended early"), { code: "ECONNRESET" });
    try {
      for await (const chunk of object.body) {
        next += chunk.length;
        resumes = 0;
        yield chunk;
      }
    } catch (error) {
      broken = error;
    }
    if (next > end) return;
    location.signal?.throwIfAborted();
    if (resumes >= RESUMES_MAX) throw explained(broken, location);
    await Bun.sleep(RESUME_PAUSE_MS * 2 ** resumes);
    object = await openObject(location, key, { start: next, end }, etag);
  }
}

interface OpenObject extends ByteRange {
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  etag: string;
}

/** @param etag the version that the object must have */
async function openObject(
  location: S3Location,
  key: string,
  range: ByteRange | undefined,
  etag?: string,
): Promise<OpenObject> {
  const client = await location.client();
  const start = range?.start ?? 0;
  const input = { ...nameOf(location, key), Range: range && `bytes=${start}-${range.end}`, IfMatch: etag };
  let answer: GetObjectCommandOutput;
  try {
    answer = await client.getObject(input, untilAborted(location));
  } catch (error) {
    const { name } = error as Error;
    if (etag !== undefined && ["PreconditionFailed", "NoSuchKey", "InvalidRange"].includes(name)) {
      throw changed(location, key);
    }
    if (name === "NoSuchKey") throw new MusterError("not_found", `there is no object ${location}${key}`);
    // The range begins after the last byte, so it is empty.
    if (name === "InvalidRange") return { body: [], etag: "", start, end: start - 1 };
    throw explained(error, location);
  }
  const { Body, ContentLength, ContentRange, ETag } = answer;
  if (etag !== undefined && ETag !== etag) throw changed(location, key);
  const isRangeAsked = !range || ContentRange?.startsWith(`bytes ${start}-`);
  if (!Body || ContentLength === undefined || !ETag || !isRangeAsked) {
    throw notFromS3(location);
  }
  // Outside of browsers the SDK's body is a message of node:http, which is a Readable.
  const body = Body as Readable;
  if (location.signal) addAbortSignal(location.signal, body);
  return { body, etag: ETag, start, end: start + ContentLength - 1 };
}

const notFromS3 = ({ bucket }: S3Location) =>
  new MusterError("unavailable", `the answer for ${bucket} is not S3's: check AWS_ENDPOINT_URL_S3`);

function changed(location: S3Location, key: string): MusterError {
  return new MusterError("unavailable", `${location}${key} changed while it was read: start again`);
}

export interface ListedObject {
  key: string;
  bytes: number;
  /** Its entity tag. */
  version: string | undefined;
}

/**
 * The objects of a location whose keys begin with `under`.
 * @throws MusterError `unavailable` if the store lists only a part of them, or answers something else
 */
export async function* listKeys(location: S3Location, under = ""): AsyncGenerator<ListedObject> {
  const { paginateListObjectsV2 } = await sdk();
  const input = { Bucket: location.bucket, Prefix: location.prefix + under };
  const config = { client: await location.client(), stopOnSameToken: true };
  let isCut: boolean | undefined;
  try {
    for await (const page of paginateListObjectsV2(config, input, untilAborted(location))) {
      isCut = page.IsTruncated;
      // S3 always says whether the list is cut. A page of a proxy that is read as a list would have no objects.
      if (isCut === undefined) throw notFromS3(location);
      for (const { Key = "", Size: bytes = 0, ETag: version } of page.Contents ?? []) {
        if (!Key.startsWith(input.Prefix)) throw notFromS3(location);
        yield { key: Key.slice(location.prefix.length), bytes, version };
      }
    }
  } catch (error) {
    throw explained(error, location);
  }
  // Stores that know only the older ListObjects ignore how this list goes on: the objects after the first 1000 would be missing.
  if (isCut) {
    const advice = "use a store that knows ListObjectsV2, or a prefix with fewer objects";
    throw new MusterError("unavailable", `S3 lists only a part of the objects of ${location.bucket}: ${advice}`);
  }
}

/** Writes a small object. A reader gets either the whole new object, or what was there before. */
export async function putText(location: S3Location, key: string, text: string): Promise<void> {
  const client = await location.client();
  const input = { ...nameOf(location, key), Body: text, ContentType: "application/json" };
  await client.putObject(input).catch(rethrow(location));
}

/** Deletes objects one by one: the request that deletes many needs a checksum that not every S3-compatible store knows. */
export async function deleteKeys(location: S3Location, keys: Iterable<string>): Promise<void> {
  const client = await location.client();
  for (const key of keys) await client.deleteObject(nameOf(location, key)).catch(rethrow(location));
}

/**
 * Writes an object of any size in parts (Amazon S3 User Guide, "Multipart upload"). The object appears when it is complete. If
 * the upload fails, even because `chunks` throws, no part is left in the bucket.
 */
export async function uploadStream(
  location: S3Location,
  key: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { Upload } = await import("@aws-sdk/lib-storage");
  const client = await location.client();
  const body = Readable.from(chunks, { objectMode: false });
  const params = { ...nameOf(location, key), Body: body };
  const upload = new Upload({ client, params, partSize: PART_BYTES, queueSize: PARTS_HELD, leavePartsOnError: false });
  await upload.done().catch((error) => {
    // An error that `chunks` threw has nothing to do with S3, so it is passed on as it is.
    throw error === body.errored ? error : explained(error, location);
  });
}

const nameOf = ({ bucket, prefix }: S3Location, key: string) => ({ Bucket: bucket, Key: prefix + key });

const untilAborted = ({ signal }: S3Location) => (signal ? { abortSignal: signal } : {});

const rethrow =
  (location: S3Location) =>
  (error: unknown): never => {
    throw explained(error, location);
  };

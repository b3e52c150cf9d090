/** What Muster needs of S3. Credentials, region and endpoint are the AWS SDK's own affair: it reads its own variables and files. */
import { addAbortSignal, type Readable } from "node:stream";
import type { GetObjectCommandOutput, S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { MusterError } from "../errors.ts";
import { explained } from "./s3-errors.ts";

/** A connection is tried so long, three times over. */
const CONNECT_MS_MAX = 2_000;
/** A connection on which nothing moves is given up; Bun counts the sending of a whole part as one movement. */
const STALL_MS_MAX = 60_000;
/** Times in a row that a body may break off before it has brought a byte. */
const RESUMES_MAX = 4;
/** Before the first resumption; it doubles with each that brings nothing. */
const RESUME_PAUSE_MS = 50;

/** A bucket and what the keys of its objects begin with. Keys are given and answered without that beginning. */
export class S3Location {
  #client: Promise<S3Client> | undefined;

  private constructor(
    readonly bucket: string,
    /** "" or ends with a slash. */
    readonly prefix: string,
    readonly settings: S3ClientConfig,
    /** What is read ends with an error as soon as it aborts. */
    readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * @param url `s3://BUCKET` or `s3://BUCKET/PREFIX`
   * @param settings for the SDK's client, before what it finds in its environment
   * @param signal ends what is read, when it aborts, with an error
   * @throws MusterError `invalid`
   */
  static parse(url: string, settings: S3ClientConfig = {}, signal?: AbortSignal): S3Location {
    const [, bucket, path = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(url) ?? [];
    const segments = path.replace(/\/$/, "").split("/");
    const isPlain = path === "" || segments.every((segment) => !["", ".", ".."].includes(segment));
    if (bucket !== undefined && isPlain) {
      return new S3Location(bucket, path === "" ? "" : `${segments.join("/")}/`, settings, signal);
    }
    // The text is not repeated: whoever writes s3://KEY:SECRET@BUCKET must not find it in a log.
    throw new MusterError("invalid", "an S3 location is s3://BUCKET or s3://BUCKET/PREFIX, the bucket in lower case");
  }

  /** One client, made when it is first needed. */
  client(): Promise<S3Client> {
    this.#client ??= newClient(this.settings);
    return this.#client;
  }

  toString(): string {
    return `s3://${this.bucket}/${this.prefix}`;
  }
}

export interface ByteRange {
  start: number;
  /** Inclusive. */
  end: number;
}

/**
 * The bytes of an object, or of a part of it. A body that breaks off is gone on with, of the same version of the object.
 * @param version the entity tag that the object must have from the first byte on
 * @throws MusterError `not_found` where there is no such object, `unavailable` where it changes meanwhile
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

/** @param etag of the version that it must be */
async function openObject(
  location: S3Location,
  key: string,
  range: ByteRange | undefined,
  etag?: string,
): Promise<OpenObject> {
  const { GetObjectCommand } = await sdk();
  const client = await location.client();
  const start = range?.start ?? 0;
  const input = { ...nameOf(location, key), Range: range && `bytes=${start}-${range.end}`, IfMatch: etag };
  let answer: GetObjectCommandOutput;
  try {
    answer = await client.send(new GetObjectCommand(input), untilAborted(location));
  } catch (error) {
    const { name } = error as Error;
    if (etag !== undefined && ["PreconditionFailed", "NoSuchKey", "InvalidRange"].includes(name)) {
      throw changed(location, key);
    }
    if (name === "NoSuchKey") throw new MusterError("not_found", `there is no object ${location}${key}`);
    // The range begins behind the last byte: nothing is in it, as in a file.
    if (name === "InvalidRange") return { body: [], etag: "", start, end: start - 1 };
    throw explained(error, location);
  }
  const { Body, ContentLength, ContentRange, ETag } = answer;
  if (etag !== undefined && ETag !== etag) throw changed(location, key);
  const isAsked = !range || ContentRange?.startsWith(`bytes ${start}-`);
  if (!Body || ContentLength === undefined || !ETag || !isAsked) {
    throw new MusterError("unavailable", `${location.bucket} is not answered for by S3: check AWS_ENDPOINT_URL_S3`);
  }
  // Outside of browsers a body is a message of node:http.
  const body = Body as Readable;
  if (location.signal) addAbortSignal(location.signal, body);
  return { body, etag: ETag, start, end: start + ContentLength - 1 };
}

function changed(location: S3Location, key: string): MusterError {
  return new MusterError("unavailable", `${location}${key} changed while it was read: start again`);
}

export interface ListedObject {
  key: string;
  bytes: number;
  /** Its entity tag. */
  version: string | undefined;
}

/** The objects below a location, or those of them whose keys begin with `under`. */
export async function* listKeys(location: S3Location, under = ""): AsyncGenerator<ListedObject> {
  const { paginateListObjectsV2 } = await sdk();
  const input = { Bucket: location.bucket, Prefix: location.prefix + under };
  try {
    const pages = paginateListObjectsV2({ client: await location.client() }, input, untilAborted(location));
    for await (const { Contents } of pages) {
      for (const { Key = "", Size: bytes = 0, ETag: version } of Contents ?? [])
        yield { key: Key.slice(location.prefix.length), bytes, version };
    }
  } catch (error) {
    throw explained(error, location);
  }
}

/** Puts a small object; whoever reads it sees the whole of it or what was there before. */
export async function putText(location: S3Location, key: string, text: string): Promise<void> {
  const { PutObjectCommand } = await sdk();
  const input = { ...nameOf(location, key), Body: text, ContentType: "application/json" };
  const client = await location.client();
  await client.send(new PutObjectCommand(input)).catch(rethrow(location));
}

/** One by one: the request for many wants a checksum that not every S3 understands. */
export async function deleteKeys(location: S3Location, keys: Iterable<string>): Promise<void> {
  const { DeleteObjectCommand } = await sdk();
  const client = await location.client();
  for (const key of keys) await client.send(new DeleteObjectCommand(nameOf(location, key))).catch(rethrow(location));
}

/** Loaded when it is needed: it costs a tenth of a second and 30 MB. */
export const sdk = () => import("@aws-sdk/client-s3");

async function newClient(settings: S3ClientConfig): Promise<S3Client> {
  const { S3Client } = await sdk();
  const client = new S3Client({
    requestHandler: { connectionTimeout: CONNECT_MS_MAX, socketTimeout: STALL_MS_MAX },
    followRegionRedirects: true,
    // The newer checksums are not known to every S3. What is sent is signed with its SHA-256 all the same.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...settings,
  });
  // Where an endpoint is set, be it in the environment, there is seldom a host name for each bucket.
  const resolve = client.config.endpointProvider;
  client.config.endpointProvider = (parameters, context) =>
    resolve({ ...parameters, ForcePathStyle: parameters.ForcePathStyle || parameters.Endpoint !== undefined }, context);
  return client;
}

export const nameOf = ({ bucket, prefix }: S3Location, key: string) => ({ Bucket: bucket, Key: prefix + key });

const untilAborted = ({ signal }: S3Location) => (signal ? { abortSignal: signal } : {});

export const rethrow =
  (location: S3Location) =>
  (error: unknown): never => {
    throw explained(error, location);
  };

/** A bucket with a prefix, and the AWS SDK's client for it. The SDK reads credentials, region and endpoint itself. */
import type { S3, S3ClientConfig } from "@aws-sdk/client-s3";
import { MusterError } from "../errors.ts";

/** The time for each of the SDK's three attempts to connect. */
const CONNECT_MS_MAX = 2_000;
/**
 * A connection that is silent for this long is closed. While Bun sends a part, the connection counts as silent until the whole
 * part is sent.
 */
const STALL_MS_MAX = 60_000;

/** A bucket and the prefix of its keys. Keys are given and returned without the prefix. */
export class S3Location {
  private constructor(
    readonly bucket: string,
    /** "", or ends with a slash. */
    readonly prefix: string,
    readonly settings: S3ClientConfig,
    /** Ends every read with an error when it aborts. */
    readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * @param url `s3://BUCKET` or `s3://BUCKET/PREFIX`
   * @param settings for the SDK's client; they override the environment
   * @param signal ends every read with an error when it aborts
   * @throws MusterError `invalid`
   */
  static parse(url: string, settings: S3ClientConfig = {}, signal?: AbortSignal): S3Location {
    const [, bucket, path = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(url) ?? [];
    const segments = path.replace(/\/$/, "").split("/");
    const isPlain = path === "" || segments.every((segment) => !["", ".", ".."].includes(segment));
    if (bucket !== undefined && isPlain) {
      return new S3Location(bucket, path === "" ? "" : `${segments.join("/")}/`, settings, signal);
    }
    // The text is not repeated: it may be s3://KEY:SECRET@BUCKET, which must not get into a log.
    throw new MusterError("invalid", "an S3 location is s3://BUCKET or s3://BUCKET/PREFIX, the bucket in lower case");
  }

  /** The client, made when it is first needed. Locations with the same object of settings share it. */
  client(): Promise<S3> {
    const client = CLIENTS.get(this.settings) ?? newClient(this.settings);
    CLIENTS.set(this.settings, client);
    return client;
  }

  toString(): string {
    return `s3://${this.bucket}/${this.prefix}`;
  }
}

const CLIENTS = new WeakMap<S3ClientConfig, Promise<S3>>();

/** Loads the SDK only when it is needed, because loading takes a tenth of a second and 30 MB. */
export const sdk = () => import("@aws-sdk/client-s3");

async function newClient(settings: S3ClientConfig): Promise<S3> {
  const { S3 } = await sdk();
  const client = new S3({
    requestHandler: { connectionTimeout: CONNECT_MS_MAX, socketTimeout: STALL_MS_MAX },
    followRegionRedirects: true,
    // Not every S3-compatible store knows the newer checksums. Requests are signed with the SHA-256 of their content anyway.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...settings,
  });
  // If an endpoint is set, in `settings` or the environment, the bucket goes into the path. Other stores than Amazon's seldom
  // have a host name for each bucket.
  const resolve = client.config.endpointProvider;
  client.config.endpointProvider = (parameters, context) =>
    resolve({ ...parameters, ForcePathStyle: parameters.ForcePathStyle || parameters.Endpoint !== undefined }, context);
  return client;
}

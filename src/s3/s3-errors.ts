/**
 * Explains errors of S3 and the AWS SDK in one line. Their own messages are not shown: they can contain keys or whole answers.
 */
import { MusterError } from "../errors.ts";

/**
 * What to do, by the error's name. If S3 answered, the name is S3's error code (Amazon S3 API Reference, "Error responses").
 */
const ADVICE: Record<string, (bucket: string) => string> = {
  NoSuchBucket: (bucket) => `there is no bucket ${bucket}: create it, or name another one`,
  AccessDenied: (bucket) =>
    `access to the bucket ${bucket} is denied: the credentials must allow s3:ListBucket on it, and s3:GetObject, ` +
    "s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects",
  CredentialsProviderError: () =>
    "there are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or sign in again",
  InvalidAccessKeyId: () => "S3 does not know these credentials: check AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch: () => "S3 does not accept the credentials: check AWS_SECRET_ACCESS_KEY",
  InvalidToken: () => "S3 does not accept the credentials: check AWS_SESSION_TOKEN",
  ExpiredToken: () => "the credentials for S3 have expired: sign in again",
  RequestTimeTooSkewed: () => "S3 refuses requests because this machine's clock is wrong: set it",
  PermanentRedirect: (bucket) => `the bucket ${bucket} is in another region: set AWS_REGION to it`,
  AuthorizationHeaderMalformed: (bucket) => `the bucket ${bucket} is in another region: set AWS_REGION to it`,
  EndpointError: () => "AWS_ENDPOINT_URL_S3 is not an address: give one such as https://storage.example.com:9000",
};

/** The address, the credentials or their rights are wrong. It is `invalid`: to try again does not help until they are mended. */
export class S3Mistake extends MusterError {
  constructor(message: string, options: ErrorOptions) {
    super("invalid", message, options);
  }
}

/** Turns an error of the SDK into an S3Mistake or a MusterError `unavailable`. Returns a MusterError unchanged. */
export function explained(error: unknown, { bucket }: { bucket: string }): MusterError {
  if (error instanceof MusterError) return error;
  const mistake = mistakeOf(error, bucket);
  if (mistake !== undefined) return new S3Mistake(mistake, { cause: error });
  return new MusterError("unavailable", lineFor(error, bucket), { cause: error });
}

interface SdkError extends Error {
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

function mistakeOf(error: unknown, bucket: string): string | undefined {
  const { name, message, $metadata } = error as SdkError;
  if (message === "Region is missing") return "S3 needs a region: set AWS_REGION";
  const advice = ADVICE[name] ?? ($metadata?.httpStatusCode === 403 ? ADVICE.AccessDenied : undefined);
  return advice?.(bucket);
}

function lineFor(error: unknown, bucket: string): string {
  const { name, code, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return `S3 answered ${status} (${name}) for the bucket ${bucket}`;
  const why = name === "TimeoutError" ? "no answer in time" : (code ?? name);
  return `S3 cannot be reached (${why}): check AWS_ENDPOINT_URL_S3, AWS_REGION and the network`;
}

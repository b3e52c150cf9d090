/** Errors as problem documents (RFC 9457), and the table from error codes to HTTP statuses. */
import { STATUS_CODES } from "node:http";
import type { Context, ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Logger } from "pino";
import { z } from "zod";
import { driverError, explainedError, originOf } from "../db/driver-errors.ts";
import { ERROR_CODES, type ErrorCode, MusterError } from "../errors.ts";
import { S3Mistake } from "../s3/s3-errors.ts";
import type { Env } from "./env.ts";
import { loggable } from "./log.ts";

/** One fault of a request: a JSON Pointer (RFC 6901) into body, query or path, the code of the broken rule, and what to do. */
const ProblemEntry = z.strictObject({ pointer: z.string(), code: z.string().exactOptional(), detail: z.string() });
export type ProblemEntry = z.infer<typeof ProblemEntry>;

/** `instance` is the request's id, `code` the code of the MusterError behind it, `errors` the single faults. */
export const Problem = z
  .strictObject({
    type: z.literal("about:blank"),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(ERROR_CODES).exactOptional(),
    errors: z.array(ProblemEntry).exactOptional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;

interface ProblemExtras {
  code?: ErrorCode;
  headers?: Record<string, string>;
  errors?: ProblemEntry[];
}

/** An error that exists only in HTTP, thrown by middleware and handlers. Other layers throw MusterErrors. */
export class Refusal extends Error {
  constructor(
    readonly status: ContentfulStatusCode,
    detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
    this.name = "Refusal";
  }
}

export function problemBody(
  c: Context<Env>,
  status: number,
  detail: string,
  { code, errors }: ProblemExtras = {},
): Problem {
  const title = STATUS_CODES[status] ?? "Error";
  const more = { ...(code && { code }), ...(errors && { errors }) };
  return { type: "about:blank", title, status, detail, instance: c.get("requestId"), ...more };
}

export const JSON_TYPE = { "Content-Type": "application/json" };
export const PROBLEM_TYPE = "application/problem+json";

export function problem(
  c: Context<Env>,
  status: ContentfulStatusCode,
  detail: string,
  extras: ProblemExtras = {},
): Response {
  const body = problemBody(c, status, detail, extras);
  return c.body(JSON.stringify(body), status, { ...extras.headers, "Content-Type": PROBLEM_TYPE });
}

/** For app.onError. An unexpected error is answered with 500, and only the log says what it was. */
export function answerError(log: Logger): ErrorHandler<Env> {
  return (error, c) => {
    if (error instanceof Refusal) return problem(c, error.status, error.message, error.extras);
    if (error instanceof MusterError) return answerMusterError(inService(error), c);
    // Hono throws this for malformed JSON.
    if (error instanceof HTTPException) {
      return problem(c, error.status as ContentfulStatusCode, error.message || (STATUS_CODES[error.status] ?? ""));
    }
    const request = c.get("requestId");
    if (isGone(error, c)) {
      log.info({ request }, "the client left before its request was whole");
      return problem(c, 400, "the connection was closed before the request was whole");
    }
    const origin = originOf(error);
    const domain = explainedError(error);
    if (domain instanceof MusterError) {
      log.warn({ request, origin, error: loggable(error) }, domain.message);
      return answerMusterError(inService(domain), c);
    }
    log.error({ request, origin, error: loggable(error) }, "internal error");
    return problem(c, 500, `internal error: the log has the cause under request ${request}`);
  };
}

/** Whether the client left during its request. If it did, reading the body fails with an AbortError in Bun. */
const isGone = (error: Error, c: Context<Env>) => error.name === "AbortError" && c.req.raw.signal.aborted;

/**
 * Turns `invalid` into `unavailable` if the database or S3 says so. A wrong password is `invalid` for a command, since its user
 * can correct it. A client of the service can only try again later.
 */
function inService(error: MusterError): MusterError {
  const isOperators = error instanceof S3Mistake || (error.code === "invalid" && driverError(error.cause));
  return isOperators ? new MusterError("unavailable", error.message) : error;
}

/** Seconds after which a client may try again if something was unavailable or full. */
export const RETRY_AFTER_S = 5;

const STATUS_OF: Record<ErrorCode, ContentfulStatusCode> = {
  invalid: 400,
  too_large: 413,
  not_found: 404,
  conflict: 409,
  refused: 422,
  backup_damaged: 422,
  unavailable: 503,
  interrupted: 503,
};

function answerMusterError(error: MusterError, c: Context<Env>): Response {
  const { code, message } = error;
  const status = STATUS_OF[code];
  const headers: Record<string, string> = status === 503 ? { "Retry-After": `${RETRY_AFTER_S}` } : {};
  return problem(c, status, message, { headers, code });
}

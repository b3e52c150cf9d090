/**
 * What the OpenAPI document says of middleware and routes. It is kept on the functions themselves, so that who adds a check
 * to a route has documented it, and is read by http/openapi.ts alone: no request meets it.
 */
import { STATUS_CODES } from "node:http";
import type { MiddlewareHandler } from "hono";
import type { DescribeRouteOptions } from "hono-openapi";
import { z } from "zod";
import type { Table } from "../codecs/tables.ts";
import type { Role } from "./env.ts";

export interface Description extends Pick<DescribeRouteOptions, "summary" | "description" | "tags" | "parameters"> {
  /** The least role that may ask. Without one the route is open. */
  role?: Role;
  /** What a validator reads of the request, besides its body. */
  reads?: { target: "query" | "param"; schema: z.ZodType };
  /** The request's body, by media type. */
  body?: Record<string, Content>;
  /** By status. */
  answers?: Record<number, Answer | Reference>;
}

export interface Answer {
  description: string;
  /** By media type. */
  content?: Record<string, Content>;
  headers?: Record<string, Reference>;
}

export interface Content {
  schema: z.ZodType;
  examples?: Examples;
}

/** Requests, by name. The tests send each of them and hold the answer against `status`. */
export type Examples = Record<string, { summary: string; value: unknown; status: number }>;

interface Reference {
  $ref: string;
}

/** A route of all tables is described once for each. */
type Described = Description | ((table: Table) => Description);

const description = Symbol("description");

/** The same function, which now carries its description. */
export function described<Handler extends object>(handler: Handler, what: Described): Handler {
  return Object.assign(handler, { [description]: what });
}

/** Stands first among a route's handlers and describes it. */
export function describe(what: Described): MiddlewareHandler {
  return described((_c, next) => next(), what);
}

/** What `described` left on a handler: of a table where the route is of all tables. */
export function descriptionOf(handler: object, table: Table | undefined): Description | undefined {
  const found = (handler as { [description]?: Described })[description];
  if (typeof found !== "function") return found;
  if (!table) throw new Error("a route that is described by table has no :table in its path");
  return found(table);
}

/** An answer in JSON; one to a GET has an ETag. */
export function json(what: string, schema: z.ZodType, ...headers: HeaderName[]): Answer {
  return { description: what, headers: headersOf(headers), content: { "application/json": { schema } } };
}

/** An answer of objects, as a JSON array, CSV or NDJSON. */
export function lines(what: string, schema: z.ZodType, ...headers: HeaderName[]): Answer {
  const answer = json(what, z.array(schema), ...headers, "Content-Disposition");
  const csv = z.string().meta({ description: "A header line, and a line for each object" });
  const ndjson = z.string().meta({ description: "Each object of the JSON array on a line" });
  const content = { ...answer.content, "text/csv": { schema: csv }, "application/x-ndjson": { schema: ndjson } };
  return { ...answer, content };
}

/** Answers that are problem documents, by status. */
export function problems(...statuses: ProblemStatus[]): Record<number, Reference> {
  const reference = (status: number) => ({ $ref: `#/components/responses/${problemName(status)}` });
  return Object.fromEntries(statuses.map((status) => [status, reference(status)]));
}

/** `NotFound` for 404. */
export const problemName = (status: number) => (STATUS_CODES[status] ?? `${status}`).replaceAll(/\W/g, "");

export function headersOf(names: readonly HeaderName[]): Record<string, Reference> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** For a parameter that arrives as text and is made something else of: what the document says it is. */
export const documented = (schema: object) => ({ documented: schema });

/** What problems mean, whatever the route, and the headers they come with. */
export const PROBLEMS = {
  400: { description: "The request is not understood: `errors` says what to change", headers: [] },
  401: { description: "A token is needed, or the one that was sent is not known", headers: ["WWW-Authenticate"] },
  403: {
    description:
      "The token's role does not suffice; or no tokens are configured, and the request comes from elsewhere; or a form does",
    headers: ["WWW-Authenticate"],
  },
  404: { description: "There is nothing of that name or id", headers: [] },
  405: { description: "The path takes other methods", headers: ["Allow"] },
  406: { description: "`Accept` asks for none of the forms there are", headers: [] },
  408: { description: "The body did not come in time", headers: [] },
  409: { description: "Something else stands against it now", headers: [] },
  413: { description: "The body is too large, or has too many rows", headers: [] },
  415: { description: "The body has another content type", headers: [] },
  416: { description: "The file has no such range", headers: ["Content-Range", "ETag", "Accept-Ranges"] },
  422: { description: "Understood and refused: nothing was changed", headers: [] },
  429: { description: "Too many requests, or imports, at once: try again", headers: ["Retry-After"] },
  503: {
    description: "The database or the store is away, or the service is busy: try again",
    headers: ["Retry-After"],
  },
} as const satisfies Record<number, { description: string; headers: readonly HeaderName[] }>;
type ProblemStatus = keyof typeof PROBLEMS;

export const HEADERS = {
  "X-Request-Id": "The id of the request, which its log line has too; one that the client sent is taken over",
  Link: '`<...>; rel="next"`: where the next page is, if there is one',
  Location: "Where what was made is, or where to go on",
  "Preference-Applied": "`handling=lenient` or `handling=strict`",
  "Idempotent-Replayed": "`true` where this is the answer to an earlier request with the same Idempotency-Key",
  "WWW-Authenticate": "What is wrong with the token, or the role that is needed",
  "Retry-After": "Seconds after which to try again",
  RateLimit:
    "How many requests are left, and the seconds until there are more (draft-ietf-httpapi-ratelimit-headers-10)",
  "RateLimit-Policy": "How many requests are allowed in how many seconds",
  Allow: "The methods that the path takes",
  "Set-Cookie": "A browser's session, or its end",
  ETag: "Changes with the content",
  "Accept-Ranges": "`bytes`: `Range` may ask for a part",
  "Content-Range": "Which bytes these are, and of how many",
  "Content-Disposition": "The file's name",
  "Content-Security-Policy": "Nothing is loaded from another host",
} as const;
export type HeaderName = keyof typeof HEADERS;

/**
 * What the OpenAPI document says about routes and middleware. A description is stored on the handler function itself. So if a
 * check is added to a route, the check is documented too. Only http/openapi.ts reads descriptions. They play no part in
 * answering requests.
 */
import { STATUS_CODES } from "node:http";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import type { Table } from "../codecs/tables.ts";
import type { Role } from "./env.ts";

export interface Description {
  summary?: string;
  description?: string;
  tags?: readonly string[];
  /** Headers that the route reads. */
  requestHeaders?: readonly RequestHeader[];
  /** The least role that may call the route. Without one the route is open. */
  role?: Role;
  /** What a validator reads from the query or path. */
  reads?: { target: "query" | "param"; schema: z.ZodType };
  /** The request's body, by media type. */
  body?: Record<string, Content>;
  /** By status. */
  answers?: Record<number, Answer | Reference>;
}

interface RequestHeader {
  name: string;
  description: string;
  schema?: object;
  example?: string;
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

/** Example requests, by name. The tests send each one and expect `status`. */
export type Examples = Record<string, { summary: string; value: unknown; status: number }>;

interface Reference {
  $ref: string;
}

/** A route with `:table` in its path is described once for each table. */
type Described = Description | ((table: Table) => Description);

const description = Symbol("description");

/** Attaches a description to a handler, and returns the handler. */
export function described<Handler extends object>(handler: Handler, what: Described): Handler {
  return Object.assign(handler, { [description]: what });
}

/** A middleware that only carries the description of its route. It comes first among the route's handlers. */
export function describe(what: Described): MiddlewareHandler {
  return described((_c, next) => next(), what);
}

/** The description of a handler, if it has one. @param table for a route with `:table` in its path */
export function descriptionOf(handler: object, table: Table | undefined): Description | undefined {
  const found = (handler as { [description]?: Described })[description];
  if (typeof found !== "function") return found;
  if (!table) throw new Error("a description by table needs :table in the path of its route");
  return found(table);
}

/** An answer in JSON. http/openapi.ts adds the ETag if the method is GET. */
export function json(what: string, schema: z.ZodType, ...headers: HeaderName[]): Answer {
  return { description: what, headers: headersOf(headers), content: { "application/json": { schema } } };
}

/** An answer that lists objects, as a JSON array, CSV or NDJSON. */
export function lines(what: string, schema: z.ZodType, ...headers: HeaderName[]): Answer {
  const answer = json(what, z.array(schema), ...headers, "Content-Disposition");
  const csv = z.string().meta({ description: "A header line, then a line for each object" });
  const ndjson = z.string().meta({ description: "One object of the JSON array in each line" });
  const content = { ...answer.content, "text/csv": { schema: csv }, "application/x-ndjson": { schema: ndjson } };
  return { ...answer, content };
}

/** References to the problem answers with these statuses. */
export function problems(...statuses: ProblemStatus[]): Record<number, Reference> {
  const reference = (status: number) => ({ $ref: `#/components/responses/${problemName(status)}` });
  return Object.fromEntries(statuses.map((status) => [status, reference(status)]));
}

/** The name of a problem answer in the document, such as `NotFound` for 404. */
export const problemName = (status: number) => (STATUS_CODES[status] ?? `${status}`).replaceAll(/\W/g, "");

export function headersOf(names: readonly HeaderName[]): Record<string, Reference> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Zod metadata that replaces a parameter's JSON Schema. A number arrives as text, but the document should say `integer`. */
export const documented = (schema: object) => ({ documented: schema });

/** What each error status means on every route, and the headers that come with it. */
export const PROBLEMS = {
  400: { description: "The request is malformed: `errors` says what to change", headers: [] },
  401: { description: "No token was sent, or an unknown one", headers: ["WWW-Authenticate"] },
  403: {
    description:
      "The token's role is too low; or no tokens are configured and the request comes from another machine; or a form was sent by another site",
    headers: ["WWW-Authenticate"],
  },
  404: { description: "Nothing has this name or id", headers: [] },
  405: { description: "The path takes other methods", headers: ["Allow"] },
  406: { description: "`Accept` names no form that this route offers", headers: [] },
  408: { description: "The body did not arrive in time", headers: [] },
  409: { description: "Something else that is under way or has ended conflicts with the request", headers: [] },
  413: { description: "The body is too large, or has too many rows", headers: [] },
  415: { description: "The body's content type is not taken here", headers: [] },
  416: { description: "The file has no such range", headers: ["Content-Range", "ETag", "Accept-Ranges"] },
  422: { description: "Understood and refused: nothing was changed", headers: [] },
  429: { description: "Too many requests or imports at once: try again later", headers: ["Retry-After"] },
  503: {
    description: "The database or the store is unreachable, or the service is busy: try again",
    headers: ["Retry-After"],
  },
} as const satisfies Record<number, { description: string; headers: readonly HeaderName[] }>;
type ProblemStatus = keyof typeof PROBLEMS;

export const HEADERS = {
  "X-Request-Id": "The id of the request, also in its log line. An id that the client sends is kept",
  Link: '`<...>; rel="next"`: the address of the next page, if there is one',
  Location: "The address of what was created, or where to go next",
  "Preference-Applied": "`handling=lenient` or `handling=strict`",
  "Idempotent-Replayed": "`true` if this repeats the answer to an earlier request with the same Idempotency-Key",
  "WWW-Authenticate": "What is wrong with the token, or the role that is needed",
  "Retry-After": "Seconds to wait before trying again",
  RateLimit: "Requests left, and seconds until the count starts anew (draft-ietf-httpapi-ratelimit-headers-10)",
  "RateLimit-Policy": "How many requests are allowed in how many seconds",
  Allow: "The methods that the path takes",
  "Set-Cookie": "Begins or ends a browser's session",
  ETag: "Changes whenever the content does",
  "Accept-Ranges": "`bytes`: `Range` may ask for a part",
  "Content-Range": "Which bytes these are, and how many the file has",
  "Content-Disposition": "The file's name",
  "Content-Security-Policy": "Nothing is loaded from another host",
} as const;
export type HeaderName = keyof typeof HEADERS;

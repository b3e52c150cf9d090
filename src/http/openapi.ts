/** The OpenAPI 3.1 document, made of what routes and middleware say of themselves (http/describe.ts). */
import { Hono } from "hono";
import { type DescribeRouteOptions, describeRoute, generateSpecs, resolver, validator } from "hono-openapi";
import { z } from "zod";
import packageJson from "../../package.json";
import { tableNames, tables } from "../codecs/tables.ts";
import {
  type Content,
  type Description,
  descriptionOf,
  type Examples,
  HEADERS,
  headersOf,
  PROBLEMS,
  problemName,
} from "./describe.ts";
import { PROBLEM_TYPE, Problem } from "./problem.ts";

const ABOUT = `Rows of the tables, the reports on them, what was refused and why, and backups.

A row that breaks a rule never stops the others: it is logged with its reasons, and can be mended and replayed. Errors are
problem documents (RFC 9457). HEAD is answered wherever GET is; any other method that a path does not take is answered
405, with \`Allow\`. A session (\`POST /sign-in\`) counts as its token for GET and HEAD. Where \`API_TOKENS\` is not set no token is asked for, and only the service's own machine is answered.`;

/** What a typed client is told of it. */
export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, object>;
  components: object;
}

/**
 * The document of an app.
 * @param routes as they are mounted: what middleware says holds for the routes behind it, and a route of all tables is
 * there once for each
 */
export async function openApiDocument(routes: Hono["routes"]): Promise<OpenApiDocument> {
  // The library reads an app's handlers: it is given an app of descriptions alone.
  const app = new Hono();
  for (const { method, path, handler } of routes) {
    for (const table of path.includes("/:table") ? tables : [undefined]) {
      const description = descriptionOf(handler, table);
      if (!description) continue;
      const of = table ? path.replace(":table", table.name) : path;
      app.on(method, of, ...handlersOf(description, idOf(method, of)));
    }
  }
  const document = await generateSpecs(app, {
    documentation: frame(),
    defaultValidationErrorResponse: false,
    excludeStaticFile: false,
  });
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations as Record<string, Operation>)) {
      finish(path, operation);
      if (method === "get") tag(operation);
    }
  }
  return document;
}

/** `getRejectionsById`; the library would call all that middleware is said of by one name. */
function idOf(method: string, path: string): string {
  const words = path.replaceAll("/:", "/by_").split(/[^A-Za-z0-9]+/);
  return method.toLowerCase() + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}

/** What there is besides the paths. */
function frame() {
  const { version, license } = packageJson;
  const responses = Object.entries(PROBLEMS).map(([status, { description, headers }]) => [
    problemName(Number(status)),
    problemAnswer(description, headersOf([...EVERYWHERE, ...headers])),
  ]);
  const headers = Object.entries(HEADERS).map(([name, description]) => [
    name,
    { description, schema: { type: "string" } },
  ]);
  return {
    info: { title: "Muster", version, description: ABOUT, license: { name: license, identifier: license } },
    servers: [{ url: "/" }],
    // In the order in which a page shows them.
    tags: ["rows", ...tableNames, "reports", "rejections", "imports", "runs", "backups", "service"].map((name) => ({
      name,
    })),
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A token of `API_TOKENS`, of the role named or a higher one",
        },
      },
      headers: Object.fromEntries(headers),
      responses: {
        ...Object.fromEntries(responses),
        Problem: problemAnswer("Any other error", headersOf(EVERYWHERE)),
      },
    },
  } satisfies NonNullable<Parameters<typeof generateSpecs>[1]>["documentation"];
}

const problemAnswer = (description: string, headers: ReturnType<typeof headersOf>) => ({
  ...{ description, headers },
  content: { [PROBLEM_TYPE]: { schema: resolver(Problem) }, "text/html": { schema: resolver(PAGE) } },
});

const PAGE = z.string().meta({ description: "The same for a person, if a browser asks" });

/** A description as the library's own middleware. */
function handlersOf({ role, reads, body, answers, ...rest }: Description, operationId: string) {
  const spec = {
    ...{ ...rest, operationId },
    ...(role && { security: [{ bearer: [role] }] }),
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    ...(answers && { responses: responsesOf(answers) }),
  };
  const check = reads && validator(reads.target, reads.schema, undefined, { options: CONVERSION });
  return [describeRoute(spec), ...(check ? [check] : [])] as const;
}

/** Headers of every answer; those of the rate limit where there is one. */
const EVERYWHERE = ["X-Request-Id", "Content-Security-Policy", "RateLimit", "RateLimit-Policy"] as const;

function responsesOf(answers: NonNullable<Description["answers"]>): Responses {
  const entries = Object.entries(answers).map(([status, answer]) => {
    if ("$ref" in answer) return [status, answer];
    const { description, content, headers } = answer;
    const all = { ...headersOf(EVERYWHERE), ...headers };
    return [status, { description, headers: all, ...(content && { content: contentOf(content) }) }];
  });
  return Object.fromEntries(entries);
}

function contentOf(content: Record<string, Content>) {
  const entries = Object.entries(content).map(([type, { schema, examples }]) => [
    type,
    { schema: resolver(schema, { options: CONVERSION }), ...(examples && { examples: examplesOf(examples) }) },
  ]);
  return Object.fromEntries(entries);
}

function examplesOf(examples: Examples) {
  const entries = Object.entries(examples).map(([name, { status, ...rest }]) => [
    name,
    { ...rest, "x-status": status },
  ]);
  return Object.fromEntries(entries);
}

/** What a validator takes as text and makes something else of stands in the document as that. */
const CONVERSION = {
  io: "input",
  unrepresentable: "any",
  override({ jsonSchema }: { jsonSchema: Record<string, unknown> }) {
    const { documented } = jsonSchema;
    if (documented === undefined) return;
    for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
    Object.assign(jsonSchema, documented);
  },
} as const;

type Responses = NonNullable<DescribeRouteOptions["responses"]>;
type Operation = Pick<DescribeRouteOptions, "security" | "responses"> & {
  parameters?: { in?: string; name?: string }[];
};

/** What is the same for all operations, and what the library merges otherwise than it is meant. */
function finish(path: string, operation: Operation): void {
  // Middleware asks for one role after the other: the last is the highest.
  operation.security = operation.security?.slice(-1) ?? [];
  operation.responses = { ...operation.responses, default: { $ref: "#/components/responses/Problem" } };
  // The name of a table is a word of its path by now.
  operation.parameters =
    operation.parameters?.filter((parameter) => parameter.in !== "path" || path.includes(`{${parameter.name}}`)) ?? [];
}

/** Answers in JSON to a GET have an ETag (http/entity-tag.ts). */
function tag(operation: Operation): void {
  const found = operation.responses?.[200];
  if (!found || !("content" in found) || !found.content?.["application/json"]) return;
  found.headers = { ...found.headers, ...headersOf(["ETag"]) };
  const headers = headersOf([...EVERYWHERE, "ETag", "Link"]);
  operation.responses = {
    ...operation.responses,
    304: { description: "The client has it (`If-None-Match`)", headers },
  };
}

/** The OpenAPI 3.1 document, made from the descriptions that routes and middleware carry (http/describe.ts). */
import type { Hono } from "hono";
import { z } from "zod";
import packageJson from "../../package.json";
import type { Dictionary } from "../codecs/dictionary.ts";
import type { Table } from "../codecs/tables.ts";
import {
  type Answer,
  type Content,
  type Description,
  descriptionOf,
  HEADERS,
  headersOf,
  PROBLEMS,
  problemName,
} from "./describe.ts";
import { PROBLEM_TYPE, Problem } from "./problem.ts";

const ABOUT = `Rows of the tables, reports on them, rejected rows with their reasons, and backups.

A row that breaks a rule never stops the others: it is logged with its reasons, and can be mended and replayed. Errors are
problem documents (RFC 9457). HEAD works wherever GET does; any other method that a path does not take is answered 405, with
\`Allow\`. A session (\`POST /sign-in\`) counts as its token for GET and HEAD, and for the page's own forms. If
\`API_TOKENS\` is not set, no token is needed, and only requests from the same machine are answered.`;

/** The document as the typed client sees it. */
export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, object>;
  components: object;
}

/**
 * Makes the document of an app.
 * @param routes in mounting order: what middleware says holds for the routes that were mounted after it. A route with `:table`
 * in its path appears in the document once for each table.
 */
export function openApiDocument(routes: Hono["routes"], dictionary: Dictionary): OpenApiDocument {
  const middleware: Description[] = [];
  const operations = new Map<string, { method: string; path: string; descriptions: Description[] }>();
  for (const { method, path: pattern, handler } of routes) {
    // The views of the page are for people.
    if (pattern.startsWith("/page/")) continue;
    for (const table of pattern.includes("/:table") ? dictionary.tables : [undefined]) {
      const description = descriptionOf(handler, table);
      if (!description) continue;
      if (method === "ALL") {
        middleware.push(description);
        continue;
      }
      const path = table ? pathOf(pattern, table) : pattern;
      const key = `${method} ${path}`;
      const operation = operations.get(key) ?? { method, path, descriptions: [...middleware] };
      operation.descriptions.push(description);
      operations.set(key, operation);
    }
  }
  const schemas = new Schemas();
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, descriptions } of operations.values()) {
    const template = path.replaceAll(/:(\w+)/g, "{$1}");
    const operation = { [method.toLowerCase()]: operationOf(method, path, descriptions, schemas) };
    paths[template] = { ...paths[template], ...operation };
  }
  return { ...frameOf(schemas, dictionary), paths };
}

/** The path of one table. A row whose key is a number is found by its `id`, any other row by its `key`. */
function pathOf(pattern: string, { name, numberKey }: Table): string {
  const path = pattern.replace(":table", name);
  return numberKey === undefined ? path.replace(":id", ":key") : path;
}

/** Everything but the paths. Called after the paths are made: until then `schemas` lacks the schemas that they refer to. */
function frameOf(schemas: Schemas, { names }: Dictionary) {
  const { version, license } = packageJson;
  const problem = (description: string, headers: readonly (keyof typeof HEADERS)[] = []) =>
    answerOf({ description, headers: headersOf(headers), content: PROBLEM_CONTENT }, schemas);
  const responses = Object.entries(PROBLEMS).map(([status, { description, headers }]) => [
    problemName(Number(status)),
    problem(description, headers),
  ]);
  const headers = Object.entries(HEADERS).map(([name, description]) => [
    name,
    { description, schema: { type: "string" } },
  ]);
  const bearer = "A token of `API_TOKENS` that has the named role or a higher one";
  return {
    openapi: "3.1.0",
    info: { title: "Muster", version, description: ABOUT, license: { name: license, identifier: license } },
    // Relative to the document's own address, so it is right under a path that a proxy adds.
    servers: [{ url: "./" }],
    // Swagger UI shows them in this order.
    tags: ["rows", ...names, "reports", "rejections", "imports", "runs", "backups", "service"].map((name) => ({
      name,
    })),
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", description: bearer } },
      headers: Object.fromEntries(headers),
      responses: { ...Object.fromEntries(responses), Problem: problem("Any other error") },
      schemas: schemas.named,
    },
  };
}

const PROBLEM_CONTENT = {
  [PROBLEM_TYPE]: { schema: Problem },
  "text/html": { schema: z.string().meta({ description: "The same for a person, if a browser asks" }) },
};

/** One operation, merged from the descriptions of its middleware, validators and route, in this order. */
function operationOf(method: string, path: string, descriptions: readonly Description[], schemas: Schemas) {
  // If several descriptions name a role, the last one counts: a route never needs less than the middleware before it.
  const { role, summary, description, tags, body }: Description = Object.assign({}, ...descriptions);
  const answers = Object.entries(Object.assign({}, ...descriptions.map((each) => each.answers)) as AnswersByStatus);
  const responses: Record<string, object> = Object.fromEntries(
    answers.map(([status, answer]) => [status, "$ref" in answer ? answer : answerOf(answer, schemas)]),
  );
  const ok = answers.find(([status]) => status === "200")?.[1];
  if (method === "GET" && ok && "content" in ok && ok.content?.["application/json"]) {
    responses[200] = answerOf({ ...ok, headers: { ...ok.headers, ...headersOf(["ETag"]) } }, schemas);
    responses[304] = answerOf(NOT_MODIFIED, schemas);
  }
  return {
    ...{ operationId: operationIdOf(method, path), summary, description, tags },
    security: role ? [{ bearer: [role] }] : [],
    parameters: descriptions.flatMap((each) => parametersOf(each, path, schemas)),
    ...(body && { requestBody: { required: true, content: contentOf(body, schemas) } }),
    responses: { ...responses, default: { $ref: "#/components/responses/Problem" } },
  };
}

type AnswersByStatus = NonNullable<Description["answers"]>;

/** JSON answers to a GET have an ETag (http/entity-tag.ts). */
const NOT_MODIFIED: Answer = {
  description: "The client has the current version (`If-None-Match`)",
  headers: headersOf(["ETag", "Link"]),
};

/** Such as `getRejectionsById` for `GET /rejections/:id`. */
function operationIdOf(method: string, path: string): string {
  const words = path.replaceAll("/:", "/by_").split(/[^A-Za-z0-9]+/);
  return method.toLowerCase() + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}

/** Every answer has these headers; the last two only if requests are limited. */
const EVERYWHERE = ["X-Request-Id", "Content-Security-Policy", "RateLimit", "RateLimit-Policy"] as const;

function answerOf({ description, headers, content }: Answer, schemas: Schemas) {
  const all = { ...headersOf(EVERYWHERE), ...headers };
  return { description, headers: all, ...(content && { content: contentOf(content, schemas) }) };
}

function contentOf(content: Record<string, Content>, schemas: Schemas) {
  const entries = Object.entries(content).map(([type, { schema, examples = {} }]) => {
    const all = Object.entries(examples).map(([name, { status, ...rest }]) => [name, { ...rest, "x-status": status }]);
    return [type, { schema: schemas.of(schema), ...(all.length > 0 && { examples: Object.fromEntries(all) }) }];
  });
  return Object.fromEntries(entries);
}

/** Request headers, query and path parameters. `:table` is left out, since the path already names the table. */
function parametersOf({ requestHeaders = [], reads }: Description, path: string, schemas: Schemas) {
  const headers = requestHeaders.map((header) => ({ in: "header", schema: { type: "string" }, ...header }));
  if (!reads) return headers;
  const { properties = {}, required = [] } = schemas.of(reads.schema) as ObjectSchema;
  const read = Object.entries(properties)
    .filter(([name]) => reads.target === "query" || path.includes(`:${name}`))
    .map(([name, { description, ...schema }]) => ({
      ...{ in: reads.target === "param" ? "path" : "query", name, schema },
      ...(required.includes(name) && { required: true }),
      ...(description !== undefined && { description }),
    }));
  return [...headers, ...read];
}

interface ObjectSchema {
  properties?: Record<string, { description?: string }>;
  required?: string[];
}

/** Turns zod schemas into JSON Schemas. A schema with an id is written once, under `components.schemas`, and referred to. */
class Schemas {
  readonly named: Record<string, object> = {};

  of(schema: z.ZodType): object {
    // The schema is put into an array because zod never makes the outermost schema a reference, even if it has an id.
    const json = z.toJSONSchema(z.array(schema), { io: "input", unrepresentable: "any", override: asDocumented });
    const { items, $defs = {} } = JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/'));
    Object.assign(this.named, $defs);
    return items;
  }
}

/** If a parameter has a JSON Schema from documented() in describe.ts, uses that one: `integer` instead of text. */
function asDocumented({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  const { documented } = jsonSchema;
  if (documented === undefined) return;
  for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
  Object.assign(jsonSchema, documented);
}

/** The OpenAPI document for tests: its operations, requests made from it, and whether an answer is as it says. */
import { expect } from "bun:test";
import Ajv2020 from "ajv/dist/2020";
import addFormats from "ajv-formats";
import type { createApp } from "../../src/app.ts";
import { HEADERS } from "../../src/http/describe.ts";

export interface Operation {
  path: string;
  method: string;
  operationId: string;
  summary: string;
  tags: string[];
  security: { bearer: string[] }[];
  parameters: {
    in: string;
    name: string;
    required?: boolean;
    example?: string;
    schema: { examples?: unknown[]; enum?: unknown[]; maximum?: number };
  }[];
  requestBody?: { content: Record<string, { examples?: Record<string, { value: unknown; "x-status": number }> }> };
  responses: Record<string, { $ref?: string; headers?: object; content?: Record<string, object> }>;
}

type App = Pick<ReturnType<typeof createApp>, "request">;

/** Reads the document of an app. `ask` sends to this app unless another is given. */
export async function documentOf(documented: App) {
  const text = await (await documented.request("/openapi.json")).text();
  const document: { openapi: string; paths: Record<string, Record<string, Operation>>; components: object } =
    JSON.parse(text);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() })),
  );
  const ajv = new Ajv2020({ strict: false });
  addFormats(ajv);
  ajv.addSchema(document, "document");
  const at = (...path: string[]) =>
    `#/${path.map((key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`;

  /** Sends a request and checks the answer by the document: status, headers, media type, content. */
  async function ask(
    operation: Operation,
    { query = "", path = pathOf(operation), app = documented, ...init }: Asked = {},
  ) {
    const asked = `${operation.method} ${path}${query}`;
    const response = await app.request(path + query, { ...init, method: operation.method });
    const { status } = response;
    const text = await response.text();
    const answer = operation.responses[status];
    if (!answer) throw new Error(`${asked} is answered ${status}, which its operation does not name: ${text}`);
    const from = answer.$ref ?? at("paths", operation.path, operation.method.toLowerCase(), "responses", `${status}`);
    const { headers = {}, content = {} } = lookUp(document, from);
    const known = Object.keys(HEADERS).filter((name) => response.headers.has(name));
    expect([asked, known.filter((name) => !(name in headers))]).toEqual([asked, []]);
    const type = response.headers.get("Content-Type")?.replace(/;.*/, "");
    if (type !== undefined) expect([asked, Object.keys(content)]).toEqual([asked, expect.arrayContaining([type])]);
    for (const [schema, value] of valuesOf(from, type, text)) {
      const valid = ajv.validate({ $ref: `document${schema}` }, value);
      expect([asked, valid || ajv.errorsText(), valid || text]).toEqual([asked, true, true]);
    }
    return { status, headers: response.headers, text };
  }

  /** The parts of an answer that have a schema: JSON, or each line of NDJSON. */
  function valuesOf(from: string, type: string | undefined, text: string): [schema: string, value: unknown][] {
    const json = `${from}/content/${encodeURIComponent("application~1json")}/schema`;
    if (type === "application/x-ndjson") {
      const lines = text.split("\n").filter((line) => line !== "");
      return lines.map((line) => [`${json}/items`, JSON.parse(line)]);
    }
    if (!type?.endsWith("json") || text === "") return [];
    return [[`${from}/content/${encodeURIComponent(type.replace("/", "~1"))}/schema`, JSON.parse(text)]];
  }

  /** Whether a JSON body is valid by the document. */
  const takes = ({ path, method }: Operation, body: unknown) => {
    const content = at("paths", path, method.toLowerCase(), "requestBody", "content", "application/json", "schema");
    return ajv.validate({ $ref: `document${content}` }, body);
  };

  return { document, operations, ask, takes };
}

export interface Asked extends RequestInit {
  query?: string;
  path?: string;
  app?: App;
}

/** The path, filled with the document's examples of its parameters. */
export function pathOf({ path, parameters }: Operation): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const parameter = parameters.find((each) => each.in === "path" && each.name === name);
    return encodeURIComponent(String(exampleOf(parameter)));
  });
}

export const exampleOf = (parameter: Operation["parameters"][number] | undefined) =>
  parameter?.example ?? parameter?.schema.examples?.[0] ?? parameter?.schema.enum?.[0];

function lookUp(document: unknown, reference: string): { headers?: object; content?: Record<string, object> } {
  const keys = reference
    .slice(2)
    .split("/")
    .map((key) => decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~"));
  return keys.reduce((part, key) => (part as Record<string, never>)[key], document) as never;
}

import { afterAll, expect, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { sealed } from "../src/backups/manifest.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { exampleRow } from "../src/codecs/example.ts";
import { toJson } from "../src/codecs/json.ts";
import { readTokens } from "../src/http/auth.ts";
import { sentRow } from "../src/routes/insert.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { tableNames, tables } from "./support/dictionary.ts";
import { type Asked, documentOf, exampleOf, type Operation, pathOf } from "./support/document.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { select, until } from "./support/observe.ts";

const BODY_BYTES_MAX = 64 * 1024;
const database = await freshDatabase();
const folder = await folderOf({});
const limits = { bodyBytesMax: BODY_BYTES_MAX, imported: { bytesMax: BODY_BYTES_MAX } };
const local = appOver(database, { store: new DirectoryStore(folder), ...limits });
const { document, operations, ask, takes } = await documentOf(local);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

/** The example id in the document's path. */
const exampleId = (path: string) =>
  String(exampleOf(document.paths[path]?.get?.parameters.find((each) => each.name === "id")));
const post = (path: string, body: unknown) =>
  local.request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** The query that an operation requires. */
const needed = ({ parameters }: Operation) => {
  const required = parameters.filter((each) => each.in === "query" && each.required);
  return required.length === 0 ? "" : `?${required.map((each) => `${each.name}=${exampleOf(each)}`).join("&")}`;
};

/** The database that the document's examples assume: a row in each table, and a rejection whose parents came later. */
async function begin(): Promise<void> {
  const { pool } = database;
  // An import goes on after its answer, and would write rejections into the next test's database.
  await until(async () => (await select(pool, "SELECT id FROM muster_runs WHERE finished_at IS NULL")).length === 0);
  for (const table of [...tableNames].reverse()) await pool.query("DELETE FROM ??", [table]);
  for (const table of ["muster_rejections", "muster_runs", "muster_idempotency_keys"])
    await pool.query("DELETE FROM ??", [table]);
  const child = tables.at(-1);
  if (child) expect((await post(`/${child.name}`, sentRow(child))).status).toBe(422);
  const run = exampleId("/runs/{id}");
  await pool.query("UPDATE muster_runs SET id = ?", [run]);
  await pool.query("UPDATE muster_rejections SET run = ?, id = ?", [run, exampleId("/rejections/{id}")]);
  const rows = tables.map((table) => [table.name, [toJson(table, exampleRow(table, 1))]]);
  expect((await post("/insert", Object.fromEntries(rows))).status).toBe(201);
}

await begin();
const made = (await (await post("/backup", { table: tableNames })).json()) as { id: string };
const backup = join(folder, exampleId("/backups/{id}"));
await rename(join(folder, made.id), backup);
const { seal: _, ...manifest } = await Bun.file(join(backup, "manifest.json")).json();
const renamed = sealed({ ...manifest, id: exampleId("/backups/{id}") });
await Bun.write(join(backup, "manifest.json"), JSON.stringify(renamed));

test("the document is valid OpenAPI 3.1", async () => {
  expect(document.openapi).toStartWith("3.1.");
  expect(await new Validator().validate(document as never)).toEqual({ valid: true });
});

test("every route is in the document, and nothing else is", () => {
  const routes = local.routes.filter(({ method, path }) => method !== "ALL" && !path.startsWith("/page/"));
  const mounted = routes.flatMap(({ method, path }) => {
    const names = path.includes("/:table") ? tableNames : [""];
    return names.map((name) => `${method} ${path.replace(":table", name).replaceAll(/:(\w+)/g, "{$1}")}`);
  });
  expect([...new Set(mounted)].sort()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).sort());
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const { summary, tags, method, path, responses } of operations) {
    expect([method, path, summary, tags]).toEqual([
      method,
      path,
      expect.stringMatching(/^[A-Z].{5}/),
      [expect.any(String)],
    ]);
    expect([method, path, Object.keys(responses)[0]]).toEqual([method, path, expect.stringMatching(/^(20[012]|303)$/)]);
  }
});

test("every example is answered as the document says", async () => {
  const sent = [];
  for (const operation of operations) {
    const { path, method, parameters, requestBody } = operation;
    const headers = parameters.flatMap((each) => (each.in === "header" ? [[each.name, exampleOf(each)]] : []));
    for (const [type, { examples }] of Object.entries(requestBody?.content ?? {})) {
      for (const [name, { value, "x-status": status }] of Object.entries(examples ?? {})) {
        const body = typeof value === "string" ? value : JSON.stringify(value);
        await begin();
        // Every second one with the examples of headers.
        const more = sent.length % 2 === 0 ? Object.fromEntries(headers) : {};
        const answer = await ask(operation, {
          query: needed(operation),
          body,
          headers: { "Content-Type": type, ...more },
        });
        const label = `${method} ${path} ${type} ${name}`;
        expect([label, answer.status, answer.text]).toEqual([label, status, answer.text]);
        sent.push(name);
      }
    }
    if (requestBody) continue;
    await begin();
    const queries = parameters.filter((each) => each.in === "query");
    const filters = queries.map((each) => `?${each.name}=${encodeURIComponent(String(exampleOf(each)))}`);
    for (const query of ["", ...filters]) {
      for (const Accept of Object.keys(operation.responses[200]?.content ?? {})) {
        const { status, headers } = await ask(operation, { query, headers: { Accept } });
        expect([method, path, query, status]).toEqual([method, path, query, 200]);
        if (!path.startsWith("/docs/")) expect(headers.get("Content-Type")).toStartWith(Accept);
        sent.push(query);
      }
    }
  }
  expect(sent.length).toBeGreaterThan(90);
});

test("a request that is 400 for its size is invalid by the document too", async () => {
  const [table = ""] = tableNames;
  const bodies: Record<string, unknown[]> = { [`/${table}`]: [[]], "/insert": [[], {}, [{}], { [table]: [] }] };
  for (const operation of operations.filter(({ method, path }) => method === "POST" && path in bodies)) {
    for (const body of bodies[operation.path] ?? []) {
      expect([operation.path, body, takes(operation, body)]).toEqual([operation.path, body, false]);
      expect((await post(operation.path, body)).status).toBe(400);
    }
  }
  for (const { method, path, parameters } of operations.filter((each) => each.method === "GET")) {
    const limit = parameters.find(({ name }) => name === "limit")?.schema.maximum;
    if (limit === undefined) continue;
    expect([path, (await local.request(`${path}?limit=${limit}`, { method })).status]).toEqual([path, 200]);
    expect([path, (await local.request(`${path}?limit=${limit + 1}`, { method })).status]).toEqual([path, 400]);
  }
});

test("the example of an import is imported", async () => {
  await begin();
  const operation = operations.find(({ path }) => path === "/imports");
  if (!operation) throw new Error("there is no such operation");
  const { examples = {} } = operation.requestBody?.content["text/csv"] ?? {};
  const headers = { "Content-Type": "text/csv" };
  const { text } = await ask(operation, { query: needed(operation), body: String(examples.file?.value), headers });
  const run = await until(async () => {
    const seen = (await (await local.request(`/runs/${JSON.parse(text).id}`)).json()) as Run;
    return seen.status !== "running" && seen;
  });
  expect(Object.values(run.counts)).toMatchObject([{ received: 1, inserted: 1, rejected: 0 }]);
});

interface Run {
  status: string;
  counts: object;
}

test("each operation answers the general problems that the document lists for it, and no other", async () => {
  const tokens = readTokens("reader:reads,writer:writes,admin:rules");
  const guarded = appOver(database, { store: new DirectoryStore(folder), tokens, ...limits });
  const lesser: Record<string, string> = { writer: "reads", admin: "writes" };
  await begin();
  for (const operation of operations) {
    const { method, responses, security, requestBody } = operation;
    const [type = "", content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
    const body = content && JSON.stringify(Object.values(content.examples ?? {})[0]?.value);
    const headers: Record<string, string> = content ? { "Content-Type": type } : {};
    /** Sends a changed request. @returns whether it got this status, and whether the document lists it */
    const compare = async (status: number, change: Asked) => {
      const query = needed(operation);
      const answer = await ask(operation, { query, ...(body !== undefined && { body }), headers, ...change });
      expect([operation.method, operation.path, status, answer.status === status]).toEqual([
        ...[operation.method, operation.path, status, `${status}` in responses],
      ]);
    };
    await compare(400, { query: "?no_such_parameter=1" });
    await compare(401, { app: guarded, headers: { ...headers, Authorization: "Bearer unknown" } });
    // Without a token the page is the sign-in form.
    if (operation.path !== "/") await compare(401, { app: guarded });
    await compare(403, { headers: { ...headers, Origin: "http://a.example" } });
    await compare(406, { headers: { ...headers, Accept: "image/x-none" } });
    if (method === "POST") await compare(413, { body: " ".repeat(BODY_BYTES_MAX + 1) });
    if (requestBody) await compare(415, { headers: { "Content-Type": "text/x-none" } });
    const unknown = { path: operation.path.replaceAll(/\{\w+\}/g, UNKNOWN) };
    if (unknown.path !== operation.path) await compare(404, unknown);
    const role = security[0]?.bearer[0] ?? "";
    expect([operation.path, "401" in responses, "503" in responses]).toEqual([
      ...[operation.path, role !== "" || operation.path === "/sign-in", role !== "" || operation.path === "/readyz"],
    ]);
    const Authorization = `Bearer ${lesser[role]}`;
    if (role in lesser) await compare(403, { app: guarded, headers: { ...headers, Authorization } });
  }
});

/** An id that does not exist, of the form that the path takes. */
const UNKNOWN = "00000000-0000-7000-8000-000000000000";

test("a backup's file is answered 206 and 304 as the document says", async () => {
  const file = operations.find(({ path }) => path === "/backups/{id}/{file}");
  if (!file) throw new Error("there is no such operation");
  const { headers } = await ask(file);
  for (const [status, sent] of [
    [206, { Range: "bytes=0-2" }],
    [304, { "If-None-Match": headers.get("ETag") ?? "" }],
    [416, { Range: "bytes=99999999-" }],
  ] as const) {
    expect((await ask(file, { headers: sent })).status).toBe(status);
  }
});

test("a path answers other methods 405, with the document's methods in Allow", async () => {
  for (const operation of operations) {
    const { status, headers } = await local.request(pathOf(operation), { method: "PUT" });
    expect([operation.path, status, headers.get("Allow")?.split(", ")]).toEqual([
      ...[operation.path, 405, expect.arrayContaining([operation.method])],
    ]);
  }
});

/** Random requests made from the OpenAPI document: each answer is one that the document describes, and never 5xx. */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { type Asked, documentOf, exampleOf, type Operation } from "./support/document.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const REQUESTS = Number(process.env.FUZZ ?? 2_000);
const database = await freshDatabase();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})), imported: { bytesMax: 64 * 1024 } });
const { operations, ask } = await documentOf(app);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const text = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    "0",
    "-1",
    "1e3",
    "2147483648",
    "null",
    "%",
    "'; DROP TABLE jobs; --",
    "../../etc/passwd",
    "\u0000",
    "é",
  ),
);
/** fetch() removes `.` and `..` from a path before it sends it. */
const segment = text.filter((each) => !/^\.\.?$/.test(each));
/** A value that a header can have (RFC 9110, section 5.5). */
const header = fc.string({ unit: fc.constantFrom(...'abc019="*/;,-_.~ '), minLength: 1, maxLength: 30 });
const mediaType = fc.constantFrom(
  ...["application/json", "text/csv", "application/x-ndjson", "application/avro", "text/html", "*/*", "x"],
  ...["application/json; charset=utf-16", "text/csv;q=0, */*;q=0.1"],
);
const json = fc.jsonValue({ maxDepth: 4 });

/** An example's body with a value replaced or the end cut off, or a body of any other content. */
function bodyOf({ requestBody }: Operation): fc.Arbitrary<string | Uint8Array<ArrayBuffer> | undefined> {
  const examples = Object.values(requestBody?.content ?? {}).flatMap(({ examples = {} }) =>
    Object.values(examples).map(({ value }) => (typeof value === "string" ? value : JSON.stringify(value))),
  );
  const some = fc.constantFrom(...(examples.length > 0 ? examples : ["{}"]));
  const replaced = fc.tuple(some, json, fc.nat()).map(([body, value, at]) => {
    const values = [...body.matchAll(/"[^"]*"|\d+/g)];
    const found = values[at % Math.max(1, values.length)];
    if (!found) return body;
    return body.slice(0, found.index) + JSON.stringify(value) + body.slice(found.index + found[0].length);
  });
  const cut = fc.tuple(some, fc.nat()).map(([body, at]) => body.slice(0, at % (body.length + 1)));
  const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Uint8Array.from(each));
  return fc.oneof(
    some,
    replaced,
    replaced,
    cut,
    json.map((value) => JSON.stringify(value)),
    bytes,
    fc.constant(undefined),
  );
}

function requestOf(operation: Operation): fc.Arbitrary<{ operation: Operation; asked: Asked }> {
  const { parameters, method, path } = operation;
  const of = (where: string) => parameters.filter((each) => each.in === where);
  const mostly = (each: Operation["parameters"][number], other: fc.Arbitrary<string>) =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(String(exampleOf(each) ?? "1")) }, { weight: 1, arbitrary: other });
  const names = fc.record(Object.fromEntries(of("path").map((each) => [each.name, mostly(each, segment)])));
  const query = fc.record(Object.fromEntries(of("query").map((each) => [each.name, mostly(each, text)])), {
    requiredKeys: of("query").flatMap((each) => (each.required ? [each.name] : [])),
  });
  const types = Object.keys(operation.requestBody?.content ?? { "application/json": {} });
  const headers = fc.record(
    {
      ...Object.fromEntries(of("header").map((each) => [each.name, header])),
      ...{ Accept: mediaType, "If-None-Match": header },
      "Content-Type": fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...types) },
        { weight: 1, arbitrary: mediaType },
      ),
      ...{ Prefer: fc.constantFrom("handling=strict", "handling=lenient, x"), Range: header },
    },
    { requiredKeys: ["Content-Type"] },
  );
  const body = method === "POST" ? bodyOf(operation) : fc.constant(undefined);
  return fc
    .record({
      names,
      query,
      headers,
      body,
      more: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: text }),
    })
    .map((made) => {
      const search = new URLSearchParams({ ...made.query, ...(made.more !== null && { [made.more]: "1" }) }).toString();
      const { body, headers } = made;
      const asked: Asked = {
        path: path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(well(made.names[name] ?? ""))),
        query: search && `?${search}`,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
        ...(body !== undefined && { body }),
      };
      return { operation, asked };
    });
}

const well = (each: string) => each.toWellFormed();

test(`${REQUESTS} random requests made from the document are all answered as it says, and none by 5xx`, async () => {
  const statuses = new Map<number, number>();
  const requests = fc.constantFrom(...operations).chain(requestOf);
  const property = fc.asyncProperty(requests, async ({ operation, asked }) => {
    const { status } = await ask(operation, asked);
    expect(status).toBeLessThan(500);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  await fc.assert(property, { numRuns: REQUESTS, endOnFailure: true });
  // Some requests must pass the first check.
  for (const some of [[200], [201], [400], [404], [406], [415], [207, 422]])
    expect([some, some.some((status) => statuses.has(status))]).toEqual([some, true]);
});

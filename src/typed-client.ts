/**
 * A typed client for other programs. `bun run generate` makes client/ from it, which package.json exports as `muster/client`.
 * @example
 * const muster = client("http://127.0.0.1:3000", { headers: { Authorization: "Bearer TOKEN" } });
 * const answer = await muster.departments.$get({ query: { limit: 10 } });
 * if (answer.ok) for (const { id, department } of await answer.json()) console.log(id, department);
 * else console.error((await answer.json()).detail);
 * await muster.imports.$post({ query: { table: "jobs" }, body: Bun.file("jobs.csv"), type: "text/csv" });
 */

import type { Hono } from "hono";
import { type ClientRequestOptions, hc } from "hono/client";
import type { ExtractSchema } from "hono/types";
import type { App } from "./app.ts";
import type { JsonRow, NewJsonRow } from "./codecs/json-types.ts";
import type { TableName } from "./codecs/tables.ts";
import type * as schema from "./db/schema.ts";
import type { Problem } from "./http/problem.ts";

/** @param url the URL of the service, with its path if it has one */
export function client(url: string, options?: ClientRequestOptions) {
  return withBodies(hc<Api>(url, options));
}

/** Lets calls have a `body` and its `type`, which are sent unchanged: Hono's own client sends only JSON and forms. */
function withBodies<Call extends object>(call: Call): Call {
  return new Proxy(call, {
    get(at, name, receiver) {
      const next: unknown = Reflect.get(at, name, receiver);
      return typeof next === "function" ? withBodies(next) : next;
    },
    apply(at, self, [input, options]: [Partial<Sending>?, ClientRequestOptions?]) {
      const { body, type, ...rest } = input ?? {};
      if (body === undefined) return Reflect.apply(at as never, self, [input, options]);
      const header = { "Content-Type": type };
      // Without `duplex` Node.js refuses a stream (https://fetch.spec.whatwg.org/#dom-requestinit-duplex).
      const init = { ...options?.init, body, ...(body instanceof ReadableStream && { duplex: "half" }) };
      return Reflect.apply(at as never, self, [
        { ...rest, header },
        { ...options, init },
      ]);
    },
  });
}

type Api = Hono<object, WrittenOut<OrProblem<Routes>>>;

/** Writes a type out in full, so that client/ imports nothing from src/. */
type WrittenOut<T> = T extends Sending["body"] ? T : T extends object ? { [Key in keyof T]: WrittenOut<T[Key]> } : T;

/** Any route may answer a problem instead; `answer.ok` tells which it is. */
type OrProblem<Schema> = {
  [Path in keyof Schema]: { [Method in keyof Schema[Path]]: Either<Schema[Path][Method]> };
};
type Either<Endpoint> = Endpoint extends { input: infer Input; output: infer Output; status: infer Status }
  ?
      | { input: Lenient<Input>; output: Output; outputFormat: "json"; status: Status }
      | { input: Lenient<Input>; output: Problem; outputFormat: "json"; status: ProblemStatus }
  : never;
/** Every query parameter is optional, and may be a number or a boolean instead of text. */
type Lenient<Input> = Omit<Input, "query" | "param"> &
  (Input extends { query: infer Query } ? { query?: { [Name in keyof Query]: Loose<Query[Name]> } } : unknown) &
  (Input extends { param: infer Param } ? { param: { [Name in keyof Param]: Loose<Param[Name]> } } : unknown);
type Loose<Value> = Value | (string extends Value ? number : "true" extends Value ? boolean : never);
type ProblemStatus = 400 | 401 | 403 | 404 | 406 | 409 | 413 | 415 | 422 | 429 | 500 | 503;

/** The app's routes, with /:table once for each table, and with the types of bodies that have no typed validator. */
type Routes = Omit<Mounted, "/:table" | "/:table/:id" | "/insert" | "/imports" | "/inspect" | MissingReports> &
  TableRoutes & {
    "/insert": { $post: Taking<Mounted["/insert"]["$post"], Batch | Batch[]> };
    "/imports": { $post: Importing<Mounted["/imports"]["$post"]> };
    "/inspect": { $post: Importing<Mounted["/inspect"]["$post"]> };
  };
type Mounted = ExtractSchema<App>;

/** Without the tables of hires the reports answer 404 (codecs/hiring-tables.ts). */
type MissingReports = typeof schema extends HiringSchema ? never : "/hired_2021_quarter" | "/hired_department";
interface HiringSchema {
  departments: { department: unknown };
  jobs: { job: unknown };
  hired_employees: { datetime: unknown; department_id: unknown; job_id: unknown };
}

type TableRoutes = {
  [Name in TableName as `/${Name}`]: {
    $get: Answer<{ query: { [Field in "limit" | "cursor" | keyof JsonRow<Name>]?: string } }, JsonRow<Name>[]>;
    $post: Taking<Mounted["/:table"]["$post"], NewJsonRow<Name> | NewJsonRow<Name>[]>;
  };
} & {
  [Name in TableName as `/${Name}/:${KeyName<Name>}`]: {
    $get: Answer<{ param: Record<KeyName<Name>, string> }, JsonRow<Name>>;
  };
};

/** How the path names a row: by its `id` if its key is one number, else by its `key` (docs/http.md). */
type KeyName<Name extends TableName> = true extends {
  [Key in keyof Columns<Name>]: Columns<Name>[Key] extends { _: { isPrimaryKey: true; data: number } } ? true : never;
}[keyof Columns<Name>]
  ? "id"
  : "key";
type Columns<Name extends TableName> = (typeof schema)[Name]["_"]["columns"];

/** The fields of a row may also be objects of their own: [{ id: 1 }, { job: "Clerk" }]. */
type Batch = { [Name in TableName]?: (NewJsonRow<Name> | Partial<NewJsonRow<Name>>)[] };

/** A file of any size, sent unchanged. */
interface Sending {
  body: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  type:
    | "text/csv"
    | "text/tab-separated-values"
    | "application/x-ndjson"
    | "application/json"
    | "application/avro"
    | "application/zip";
}
type Importing<Endpoint> = Endpoint extends { input: infer Input }
  ? Omit<Endpoint, "input"> & { input: Input & Sending }
  : never;

type Answer<Input, Output> = { input: Input; output: Output; outputFormat: "json"; status: 200 };
type Taking<Endpoint, Body> = Endpoint extends object ? Omit<Endpoint, "input"> & { input: { json: Body } } : never;

/**
 * A typed client for other programs, which package.json exports as `muster/client`; `bun run generate` makes client/ of it.
 * @example
 * const muster = client("http://127.0.0.1:3000", { headers: { Authorization: "Bearer TOKEN" } });
 * const answer = await muster.departments.$get({ query: { limit: "10" } });
 * if (answer.ok) for (const { id, department } of await answer.json()) console.log(id, department);
 * else console.error((await answer.json()).detail);
 */

import type { Hono } from "hono";
import { type ClientRequestOptions, hc } from "hono/client";
import type { ExtractSchema } from "hono/types";
import type { App } from "./app.ts";
import type { JsonRow, NewJsonRow } from "./codecs/json-types.ts";
import type { TableName } from "./codecs/tables.ts";
import type { Problem } from "./http/problem.ts";

/** @param url of the service; a path is kept */
export function client(url: string, options?: ClientRequestOptions) {
  return hc<Api>(url, options);
}

type Api = Hono<object, WrittenOut<OrProblem<Routes>>>;

/** So that client/ names no file of this source. */
type WrittenOut<T> = T extends object ? { [Key in keyof T]: WrittenOut<T[Key]> } : T;

/** Any route may answer a problem instead: `answer.ok` tells them apart. No parameter of a query must be given. */
type OrProblem<Schema> = {
  [Path in keyof Schema]: { [Method in keyof Schema[Path]]: Either<Schema[Path][Method]> };
};
type Either<Endpoint> = Endpoint extends { input: infer Input; output: infer Output; status: infer Status }
  ?
      | { input: Lenient<Input>; output: Output; outputFormat: "json"; status: Status }
      | { input: Lenient<Input>; output: Problem; outputFormat: "json"; status: ProblemStatus }
  : never;
type Lenient<Input> = Omit<Input, "query"> & (Input extends { query: infer Query } ? { query?: Query } : unknown);
type ProblemStatus = 400 | 401 | 403 | 404 | 406 | 409 | 413 | 415 | 422 | 429 | 500 | 503;

/** The app's routes, with those of all tables once for each table, and the bodies that no validator has types of. */
type Routes = Omit<Mounted, "/:table" | "/:table/:id" | "/insert"> & TableRoutes & Inserts;
type Mounted = ExtractSchema<App>;

type TableRoutes = {
  [Name in TableName as `/${Name}`]: {
    $get: Answer<{ query: Page & { [Field in keyof JsonRow<Name>]?: string } }, JsonRow<Name>[]>;
    $post: Taking<Mounted["/:table"]["$post"], NewJsonRow<Name> | NewJsonRow<Name>[]>;
  };
} & {
  [Name in TableName as `/${Name}/:id`]: { $get: Answer<{ param: { id: string } }, JsonRow<Name>> };
};

interface Page {
  limit?: string;
  cursor?: string;
}

type Inserts = { "/insert": { $post: Taking<Mounted["/insert"]["$post"], Batch | Batch[]> } };
/** A row may also come as one object for each field. */
type Batch = { [Name in TableName]?: (NewJsonRow<Name> | Partial<NewJsonRow<Name>>)[] };

type Answer<Input, Output> = { input: Input; output: Output; outputFormat: "json"; status: 200 };
type Taking<Endpoint, Body> = Endpoint extends object ? Omit<Endpoint, "input"> & { input: { json: Body } } : never;

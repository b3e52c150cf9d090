/** `POST /imports`: a file of any size. The run goes on after the answer (import-request.ts). */
import { Hono } from "hono";
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import { type Content, describe, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import { CODINGS } from "../read/formats/packings.ts";
import type { ImportRequests } from "./import-request.ts";
import { csvExample, PREFER } from "./insert.ts";
import { Run } from "./runs.ts";

const describeImport = (dictionary: Dictionary) =>
  describe({
    ...{ tags: ["imports"], summary: "Import a file of any size into a table. The run goes on after the answer" },
    description: `\`/runs/ID/events\` follows the run. The body may be packed: \`Content-Encoding\` is one of ${CODINGS.join(", ")}.`,
    requestHeaders: [PREFER, IDEMPOTENCY_KEY],
    body: fileBody(dictionary, 202),
    answers: {
      202: json("The run, which has begun", Run, "Location", "Preference-Applied", "Idempotent-Replayed"),
      ...problems(400, 408, 409, 413, 415, 422, 503),
    },
  });

/** A file in any format. @param status of the answer to the example */
export function fileBody({ tables }: Dictionary, status: number): Record<string, Content> {
  // A table without references, so that the example's row has no missing parent.
  const table = tables.find(({ references }) => references.length === 0) ?? tables[0];
  return {
    "text/csv": {
      schema: z.string().min(1),
      examples: { file: { summary: `A file of ${table.name}`, value: csvExample(table), status } },
    },
    "text/tab-separated-values": { schema: z.string().min(1) },
    "application/x-ndjson": { schema: z.string().min(1) },
    "application/json": { schema: z.array(z.unknown()) },
    "application/avro": { schema: z.unknown() },
    "application/vnd.apache.parquet": { schema: z.unknown() },
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": { schema: z.unknown() },
    "application/zip": { schema: z.unknown() },
  };
}

/** @param imports shared with the page, which imports files too */
export const importRoutes = (imports: ImportRequests, dictionary: Dictionary) =>
  new Hono<Env>().post("/imports", describeImport(dictionary), ...imports.checks(), (c) =>
    imports.begin(c, c.req.valid("query")),
  );

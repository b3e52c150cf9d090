/**
 * `POST /insert` and `POST /TABLE`: one to a thousand rows, answered with a verdict for each (docs/http.md "Inserting rows").
 */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { csvHeader, toCsv } from "../codecs/csv.ts";
import type { Dictionary } from "../codecs/dictionary.ts";
import { exampleRow } from "../codecs/example.ts";
import { newRowSchema, toJson } from "../codecs/json.ts";
import type { Table } from "../codecs/tables.ts";
import { requires } from "../http/auth.ts";
import { type BatchResponse, batchAnswer, batchAnswers } from "../http/batch-answer.ts";
import { bodyToWrite, bytesOf, mediaTypeOf, textOf } from "../http/body.ts";
import { databaseAllows } from "../http/database-allows.ts";
import { type Content, type Description, describe, type Examples, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { answerOnce, IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import type { InFlight } from "../http/in-flight.ts";
import { Refusal } from "../http/problem.ts";
import { recipeOf } from "../http/recipe-query.ts";
import { tablePath } from "../http/row-query.ts";
import { noQuery, validate } from "../http/validate.ts";
import { insertBatch } from "../ingest/insert-batch.ts";
import type { FileRecipe, FormatName } from "../read/recipes/recipe.ts";
import { RECIPE_PARAMETERS } from "../read/recipes/recipe-options.ts";
import { rowsOfJson } from "../read/request-json.ts";
import { type BatchRow, ROWS_PER_REQUEST_MAX, rowsOfBody } from "../read/request-rows.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";

export interface WriteLimits {
  bodyBytesMax: number;
  /** A transaction that takes longer is rolled back, and the answer is 503. */
  msMax: number;
  inFlight: InFlight;
}

const recipeQuery = validate("query", z.strictObject(RECIPE_PARAMETERS));

export function insertRoutes(database: MusterDatabase, limits: WriteLimits) {
  const body = bodyToWrite(limits.inFlight, database.writers, limits.bodyBytesMax);
  const checks = [requires("writer"), databaseAllows(database, "insert"), ...body] as const;
  const { dictionary } = database;
  return new Hono<Env>()
    .post("/insert", describe(describeInsert(dictionary)), ...checks, noQuery, async (c) => {
      mediaTypeOf(c, ["application/json"]);
      return insert(c, database, limits, (body) => rowsOfJson(textOf(body), dictionary));
    })
    .post(
      "/:table",
      describe((table) => describeInsertInto(table, dictionary)),
      ...checks,
      validate("param", tablePath(dictionary)),
      recipeQuery,
      async (c) => {
        const table = dictionary.of(c.req.valid("param").table);
        const recipe = recipeOf(c.req.valid("query"));
        return insert(c, database, limits, (body, notes) => rowsOf(c, body, { dictionary, table }, recipe, notes));
      },
    );
}

function rowsOf(
  c: Context<Env>,
  body: Uint8Array,
  { dictionary, table }: { dictionary: Dictionary; table: Table },
  recipe: FileRecipe | undefined,
  notes: string[],
): BatchRow[] | Promise<BatchRow[]> {
  const type = mediaTypeOf(c, ["application/json", "application/x-ndjson", "text/csv", TSV]);
  const { format = "csv" } = recipe ?? {};
  if (!TEXT_FORMATS.includes(format))
    throw new Refusal(400, `format=${format} is not read here: send the file to POST /imports`);
  if (type !== "application/json")
    return rowsOfBody(type, body, table, { say: (note) => void notes.push(note), recipe });
  if (recipe) throw new Refusal(400, "parameters of a recipe are for CSV and NDJSON: send JSON rows without them");
  return rowsOfJson(textOf(body), dictionary, table);
}

const TSV = "text/tab-separated-values";
const TEXT_FORMATS: readonly FormatName[] = ["csv", "tsv", "ndjson", "json"];

async function insert(
  c: Context<Env>,
  database: MusterDatabase,
  { msMax, inFlight }: WriteLimits,
  read: (body: Uint8Array, notes: string[]) => BatchRow[] | Promise<BatchRow[]>,
) {
  const body = bytesOf(c);
  const notes: string[] = [];
  const rows = await inFlight.parse(body.length, () => read(body, notes));
  const strict = isStrict(c.req.header("Prefer"));
  const source = `${c.req.method} ${c.req.path}`;
  const answer = await answerOnce<BatchResponse>(c, { database, body, msMax }, async (connection) => {
    const outcome = await insertBatch(database, connection, { kind: "insert", source, rows, strict });
    return batchAnswer(c, rows, outcome, { strict, notes });
  });
  answer.headers.set("Preference-Applied", `handling=${strict ? "strict" : "lenient"}`);
  return answer;
}

/** `Prefer: handling=strict` (RFC 7240). The first `handling` counts; values other than strict and lenient are ignored. */
export function isStrict(prefer: string | undefined): boolean {
  // The pattern reads an unclosed quote to the end of the header. If it backtracked instead, it would take quadratic time.
  for (const [preference] of (prefer ?? "").matchAll(/(?:"(?:[^"\\]|\\.?)*(?:"|$)|[^,"])+/g)) {
    const [, handling] = /^\s*handling\s*=\s*"?(strict|lenient)"?\s*(?:;|$)/i.exec(preference) ?? [];
    if (handling) return handling.toLowerCase() === "strict";
  }
  return false;
}

export const PREFER = {
  ...{ name: "Prefer", example: "handling=lenient", schema: { type: "string", default: "handling=lenient" } },
  description: "`handling=lenient`: insert good rows, log bad ones. `handling=strict`: insert all rows or none",
};

const inserts = (dictionary: Dictionary): Description => ({
  description:
    "The answer has a verdict for each row. Parents are inserted before their children, in whatever order they are sent.",
  requestHeaders: [PREFER, IDEMPOTENCY_KEY],
  answers: {
    ...batchAnswers(dictionary, "Preference-Applied", "Idempotent-Replayed"),
    ...problems(400, 409, 415, 503),
  },
});

function describeInsert(dictionary: Dictionary): Description {
  const { tables } = dictionary;
  const rows = Object.fromEntries(tables.map((table) => [table.name, [sentRow(table)]]));
  const fields = tables.map((table) => ({
    [table.name]: Object.entries(sentRow(table)).map(([name, value]) => ({ [name]: value })),
  }));
  const examples: Examples = {
    rows: { summary: "Lists of rows, by table", value: rows, status: 201 },
    fields: { summary: "As the original system sent them: an object for each field", value: fields, status: 201 },
  };
  const lists = tables.map((table) => {
    const field = newRowSchema(table).partial().meta({ maxProperties: 1 });
    const list = z.array(z.union([newRow(table), field]));
    return [table.name, list.min(1).optional()];
  });
  const batch = z.strictObject(Object.fromEntries(lists)).meta({ id: "Batch", minProperties: 1 });
  return {
    ...{ ...inserts(dictionary), tags: ["rows"], summary: `Insert up to ${ROWS_PER_REQUEST_MAX} rows of any tables` },
    body: { "application/json": { schema: z.union([batch, z.array(batch).min(1)]), examples } },
  };
}

function describeInsertInto(table: Table, dictionary: Dictionary): Description {
  const row = newRow(table);
  const one = sentRow(table);
  const id = assignedName(table);
  const bad = { ...one, "no such field": 1 };
  const examples: Examples = {
    ...(id === undefined
      ? { row: { summary: "A row", value: one, status: 201 } }
      : {
          row: { summary: `A row: the database assigns its ${id}`, value: one, status: 201 },
          rows: { summary: `Rows, one of them with its ${id}`, value: [one, { ...one, [id]: NEW_ID }], status: 201 },
        }),
    mixed: { summary: "A good row and a bad one", value: [one, bad], status: 207 },
    bad: { summary: "A bad row", value: bad, status: 422 },
  };
  const text = (summary: string, value: string): Content => ({
    schema: z.string().min(1),
    examples: { rows: { summary, value, status: 201 } },
  });
  return {
    ...{
      ...inserts(dictionary),
      tags: [table.name],
      summary: `Insert up to ${ROWS_PER_REQUEST_MAX} rows of ${table.name}`,
    },
    body: {
      "application/json": { schema: z.union([row, z.array(row).min(1).max(ROWS_PER_REQUEST_MAX)]), examples },
      "application/x-ndjson": text("A row in each line", `${JSON.stringify(one)}\n`),
      "text/csv": text("Rows with their keys. The header line is optional", csvExample(table)),
      [TSV]: text("The same with tabs", csvExample(table).replaceAll(",", "\t")),
    },
  };
}

const newRow = (table: Table) => newRowSchema(table).meta({ id: `new_${table.name}` });

/** An example row for a request. It has no id that the database assigns: most databases have a row with any small id. */
export function sentRow(table: Table): Record<string, unknown> {
  const fields = Object.entries(toJson(table, exampleRow(table)));
  return Object.fromEntries(fields.filter(([name]) => name !== assignedName(table)));
}

const assignedName = ({ assigned, columns }: Table) => columns[assigned ?? -1]?.name;

/** An example file: a header line, and a row with its id. */
export const csvExample = (table: Table) => csvHeader(table) + toCsv(table, exampleRow(table, NEW_ID));

/** For examples that need an id. It must not be too high: AUTO_INCREMENT goes on after it, and never gives the ids below. */
const NEW_ID = 9001;

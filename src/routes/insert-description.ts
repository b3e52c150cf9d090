/** What the OpenAPI document says of inserts: rows and examples are made from the dictionary. */
import { z } from "zod";
import { csvHeader, toCsv } from "../codecs/csv.ts";
import { exampleRow } from "../codecs/example.ts";
import { newRowSchema, toJson } from "../codecs/json.ts";
import { type Table, tables } from "../codecs/tables.ts";
import { batchAnswers } from "../http/batch-answer.ts";
import { type Content, type Description, type Examples, problems } from "../http/describe.ts";
import { IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";

/** Of `POST /insert`. */
export function describeInsert(): Description {
  const rows = Object.fromEntries(tables.map((table) => [table.name, [sentRow(table)]]));
  const lists = listsByTable();
  const fields = tables.map((table) => ({ [table.name]: fieldsOf(sentRow(table)) }));
  const examples: Examples = {
    rows: { summary: "Lists of rows, by table", value: rows, status: 201 },
    fields: { summary: "As the original system sent them: an object for each field", value: fields, status: 201 },
  };
  return {
    ...{ ...INSERTS, tags: ["rows"], summary: `Insert rows of any tables, ${ROWS_PER_REQUEST_MAX} at most` },
    body: { "application/json": { schema: z.union([lists, z.array(lists).min(1)]), examples } },
  };
}

/** Of `POST /TABLE`. */
export function describeInsertInto(table: Table): Description {
  const row = newRow(table);
  const one = sentRow(table);
  const withId = exampleRow(table, NEW_ID);
  const bad = { ...one, "no such field": 1 };
  const examples: Examples = {
    row: { summary: "A row: the database assigns its id", value: one, status: 201 },
    rows: { summary: "Rows, of which one has its id", value: [one, { ...one, id: NEW_ID }], status: 201 },
    mixed: { summary: "A good row and a bad one", value: [one, bad], status: 207 },
    bad: { summary: "A bad row", value: bad, status: 422 },
  };
  return {
    ...{ ...INSERTS, tags: [table.name], summary: `Insert rows of ${table.name}, ${ROWS_PER_REQUEST_MAX} at most` },
    body: {
      "application/json": { schema: z.union([row, z.array(row).min(1).max(ROWS_PER_REQUEST_MAX)]), examples },
      "application/x-ndjson": text("A row in each line", `${JSON.stringify(one)}\n`),
      "text/csv": text("Rows with ids; the header line may be left out", csvHeader(table) + toCsv(table, withId)),
    },
  };
}

/** A row as a request sends it, without the id: that of an example would be taken in most databases. */
export function sentRow(table: Table): Record<string, unknown> {
  const { id, ...row } = toJson(table, exampleRow(table));
  return row;
}

/** For rows that must have one: not so high that AUTO_INCREMENT, which goes on behind it, would miss the ids between. */
export const NEW_ID = 9001;

const fieldsOf = (row: Record<string, unknown>) => Object.entries(row).map(([name, value]) => ({ [name]: value }));

const newRow = (table: Table) => newRowSchema(table).meta({ id: `new_${table.name}` });

/** Lists of rows; a row may come as objects of one field that follow each other. */
function listsByTable() {
  const entries = tables.map((table) => {
    const field = newRowSchema(table).partial().meta({ maxProperties: 1 });
    return [
      table.name,
      z
        .array(z.union([newRow(table), field]))
        .min(1)
        .optional(),
    ];
  });
  return z.strictObject(Object.fromEntries(entries)).meta({ id: "Batch", minProperties: 1 });
}

const text = (summary: string, value: string): Content => ({
  schema: z.string().min(1),
  examples: { rows: { summary, value, status: 201 } },
});

export const PREFER = {
  ...{ in: "header", name: "Prefer", example: "handling=lenient" },
  description: "`handling=lenient`: good rows are inserted and bad ones logged. `handling=strict`: all rows, or none",
  schema: { type: "string", default: "handling=lenient" },
} as const;

const INSERTS: Description = {
  description: "The answer has a verdict for each row. Parents go in before their children, whatever the order.",
  parameters: [PREFER, IDEMPOTENCY_KEY],
  answers: { ...batchAnswers("Preference-Applied", "Idempotent-Replayed"), ...problems(400, 409, 415, 503) },
};

/** The answer to a batch of rows: counts, and a verdict for each row. */
import type { Context, TypedResponse } from "hono";
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import { type Counts, REASON_CODES, type StoredAnswer } from "../db/ledger.ts";
import type { BatchOutcome, RowAnswer } from "../ingest/insert-batch.ts";
import type { BatchRow } from "../read/request-rows.ts";
import { type Answer, type HeaderName, headersOf, json } from "./describe.ts";
import type { Env } from "./env.ts";
import { JSON_TYPE, PROBLEM_TYPE, Problem, type ProblemEntry, problemBody } from "./problem.ts";

const count = z.int().min(0);

export const Reason = z
  .strictObject({ code: z.enum(REASON_CODES), field: z.string().exactOptional(), detail: z.string() })
  .meta({ id: "Reason" });

/** `rows` has an entry for each row, in the order of the request. */
function batchSchemas({ names }: Dictionary) {
  const verdict = z
    .strictObject({
      table: z.enum(names),
      index: count.meta({ description: "The row's index among the rows of its table" }),
      status: z.enum(["inserted", "unchanged", "rejected", "withheld"]),
      id: z.int().exactOptional(),
      rejection: z.int().exactOptional(),
      reasons: z.array(Reason).exactOptional(),
      replaces: z.int().exactOptional().meta({ description: "The rejection that this row replaces" }),
    })
    .meta({ id: "Verdict" }) satisfies z.ZodType<RowAnswer>;
  const answer = z
    .strictObject({
      run: z.uuid(),
      ...{ received: count, inserted: count, unchanged: count, rejected: count },
      withheld: count
        .exactOptional()
        .meta({ description: "Good rows that were not inserted because others were rejected" }),
      rows: z.array(verdict),
      notes: z
        .array(z.string())
        .exactOptional()
        .meta({ description: "What was skipped in the body, such as a second header line" }),
      remaining: count
        .exactOptional()
        .meta({ description: "Open rejections of the run that are left for the next replay" }),
    })
    .meta({ id: "BatchAnswer" });
  const refused = z.strictObject({ ...Problem.shape, ...answer.shape }).meta({ id: "RefusedBatch" });
  return { answer, refused };
}
export type BatchAnswer = z.infer<ReturnType<typeof batchSchemas>["answer"]>;

/** The answers as the typed client sees them. */
export type BatchResponse =
  | TypedResponse<BatchAnswer, 200 | 201 | 207, "json">
  | TypedResponse<z.infer<ReturnType<typeof batchSchemas>["refused"]>, 422, "json">;

/** The answers to a batch as the document describes them. */
export function batchAnswers(dictionary: Dictionary, ...headers: HeaderName[]): Record<number, Answer> {
  const { answer, refused } = batchSchemas(dictionary);
  const content = { [PROBLEM_TYPE]: { schema: z.union([refused, Problem]) } };
  return {
    200: json("Nothing to insert: every row is stored already", answer, ...headers),
    201: json("Rows were inserted, none was rejected", answer, ...headers),
    207: json("Some rows were rejected", answer, ...headers),
    422: {
      description:
        "Every row was rejected; or some were, with `handling=strict`; or the Idempotency-Key came with another request",
      content,
      headers: headersOf(headers),
    },
  };
}

/**
 * Makes the answer. If no row was rejected, its status is 201, or 200 if there was nothing to insert. If some rows were
 * rejected, its status is 207. If all were rejected, or any with `strict`, the answer is a 422 problem.
 * @param notes what was skipped in the body
 */
export function batchAnswer(
  c: Context<Env>,
  rows: readonly BatchRow[],
  outcome: BatchOutcome,
  { strict, notes = [] }: { strict: boolean; notes?: readonly string[] },
): StoredAnswer & { body: object } {
  const answer = { ...summed(outcome), ...(notes.length > 0 && { notes: [...notes] }) };
  if (answer.rejected === 0) return { status: answer.inserted > 0 ? 201 : 200, headers: JSON_TYPE, body: answer };
  if (!strict && answer.rejected < answer.received) return { status: 207, headers: JSON_TYPE, body: answer };
  const errors = outcome.rows.flatMap((row, index) => entriesOf(row, rows[index]));
  const { rejected, received } = answer;
  const detail = `${rejected} of ${received} rows are rejected${strict ? ", so none is inserted" : ""}`;
  const body = { ...problemBody(c, 422, detail), ...answer, errors };
  return { status: 422, headers: { "Content-Type": PROBLEM_TYPE }, body };
}

function summed({ run, counts, rows }: BatchOutcome): BatchAnswer {
  const sum = (name: keyof Counts) => Object.values(counts).reduce((total, each) => total + each[name], 0);
  const withheld = sum("withheld");
  return {
    ...{ run, received: sum("received"), inserted: sum("inserted"), unchanged: sum("unchanged") },
    ...{ rejected: sum("rejected"), ...(withheld > 0 && { withheld }), rows },
  };
}

function entriesOf({ reasons = [] }: RowAnswer, row: BatchRow | undefined): ProblemEntry[] {
  return reasons.map(({ code, field, detail }) => ({ pointer: row?.pointer(field) ?? "", code, detail }));
}

/** What is answered to a batch of rows (design section 4, Insert). */
import type { Context } from "hono";
import type { StoredAnswer } from "../db/ledger.ts";
import type { BatchRow } from "../ingest/batch.ts";
import type { BatchOutcome, RowVerdict } from "../ingest/insert.ts";
import type { Env } from "./env.ts";
import { PROBLEM_TYPE, type ProblemEntry, problemBody } from "./problem.ts";

export const JSON_TYPE = { "Content-Type": "application/json" };

/** The account of one request; `rows` has one entry per row that was sent, in that order. */
export interface BatchAnswer {
  run: string;
  received: number;
  inserted: number;
  unchanged: number;
  rejected: number;
  withheld?: number;
  rows: RowVerdict[];
}

/** 201 inserted, 200 nothing to insert, 207 some rejected; 422 all rejected, or strict and any rejected: a problem. */
export function batchAnswer(
  c: Context<Env>,
  rows: readonly BatchRow[],
  outcome: BatchOutcome,
  strict: boolean,
): StoredAnswer & { body: object } {
  const answer = summed(outcome);
  if (answer.rejected === 0) return { status: answer.inserted > 0 ? 201 : 200, headers: JSON_TYPE, body: answer };
  if (!strict && answer.rejected < answer.received) return { status: 207, headers: JSON_TYPE, body: answer };
  const errors = outcome.verdicts.flatMap((verdict, index) => entriesOf(verdict, rows[index]));
  const { rejected, received } = answer;
  const detail = `${rejected} of ${received} rows are rejected${strict ? ", so none is inserted" : ""}`;
  const body = { ...problemBody(c, 422, detail), ...answer, errors };
  return { status: 422, headers: { "Content-Type": PROBLEM_TYPE }, body };
}

function summed({ run, counts, verdicts }: BatchOutcome): BatchAnswer {
  const answer = { run, received: 0, inserted: 0, unchanged: 0, rejected: 0 };
  let withheld = 0;
  for (const each of Object.values(counts)) {
    answer.received += each.received;
    answer.inserted += each.inserted;
    answer.unchanged += each.unchanged;
    answer.rejected += each.rejected;
    withheld += each.withheld;
  }
  return { ...answer, ...(withheld > 0 && { withheld }), rows: verdicts };
}

function entriesOf({ reasons = [] }: RowVerdict, row: BatchRow | undefined): ProblemEntry[] {
  return reasons.map(({ code, field, detail }) => ({ pointer: row?.pointer(field) ?? "", code, detail }));
}

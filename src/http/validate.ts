/** Validates query, path and JSON body with zod. Faults become problem documents. */
import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { pointerTo } from "../codecs/pointer.ts";
import { shown } from "../shown.ts";
import { described, type Examples, problems } from "./describe.ts";
import { type ProblemEntry, Refusal } from "./problem.ts";

/** An answer names at most this many faults of a request. */
const ERRORS_MAX = 50;

/**
 * Validates a part of the request by a zod schema. Handlers get the result from `c.req.valid(target)`. Answers 400 with an
 * entry in `errors` for each fault, or 404 if the path is at fault. The schema also goes into the OpenAPI document.
 * @param examples bodies for the document
 */
export function validate<Target extends "query" | "param" | "json", Schema extends z.ZodType>(
  target: Target,
  schema: Schema,
  examples: Examples = {},
) {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined;
  const refuse = (result: { success: boolean; error?: { issues: z.core.$ZodIssue[] } }) => {
    if (!result.error) return;
    const { issues } = result.error;
    if (target === "param") throw new Refusal(404, issues.map((issue) => issue.message).join("; "));
    throw faulty(issues.flatMap((issue) => entriesOf(issue, known)));
  };
  // Parses synchronously: to await zod-validator's own function takes longer than the checks. The result is cast to `never`
  // because its type depends on Schema.
  const check = zValidator(target, schema, refuse, {
    validationFunction: (rule, value) => rule.safeParse(value) as never,
  });
  if (target === "param") return described(check, { reads: { target, schema } });
  const answers = problems(400);
  if (target === "query") return described(check, { reads: { target, schema }, answers });
  return described(check, { body: { "application/json": { schema, examples } }, answers });
}

/** A 400 with an entry for each fault, ERRORS_MAX at most. */
export function faulty(all: readonly ProblemEntry[]): Refusal {
  const errors = all.slice(0, ERRORS_MAX);
  const more = all.length > ERRORS_MAX ? `; and ${all.length - ERRORS_MAX} more` : "";
  return new Refusal(400, errors.map(({ detail }) => detail).join("; ") + more, { errors });
}

/** The faults that a schema found. @param known the names that exist */
export function entriesOf(issue: z.core.$ZodIssue, known: readonly string[] | undefined): ProblemEntry[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownParameter(key, known));
  const name = issue.path.map(String).join(".");
  return [{ pointer: pointerTo(issue.path), detail: name ? `${name} ${issue.message}` : issue.message }];
}

/** A query parameter as text. A repeated parameter arrives as an array, and is refused. */
export const parameter = z.string("must be given once");

/** For a route without a query. With the validator's own type, the typed client would have to send an empty query. */
export const noQuery: MiddlewareHandler = validate("query", z.strictObject({}));

/** The fault of an unknown query parameter or key. @param known the names that exist */
export function unknownParameter(name: string, known: readonly string[] = []): ProblemEntry {
  const hint = known.length > 0 ? `, only ${known.join(", ")}` : "";
  return { pointer: pointerTo([name]), code: "unknown_field", detail: `${shown(name)} is not known${hint}` };
}

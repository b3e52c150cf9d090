/** The one wrap round the zod validator: what does not fit is thrown as a problem. */
import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { pointerTo } from "../codecs/pointer.ts";
import { shown } from "../shown.ts";
import { described, type Examples, problems } from "./describe.ts";
import { type ProblemEntry, Refusal } from "./problem.ts";

/** Faults of a request that are named one by one. */
const ERRORS_MAX = 50;

/**
 * Validates a part of the request by a zod schema, for handlers' `c.req.valid(target)`.
 * What does not fit answers 400 with one entry in `errors` for each fault, or 404 where it is the path that names nothing.
 * @param examples bodies for the OpenAPI document, which has the schema too
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
  // None of the schemas is asynchronous, and awaiting them costs more than they do.
  // `never`, since what the option's type is depends on a schema that is not known here.
  const check = zValidator(target, schema, refuse, {
    validationFunction: (rule, value) => rule.safeParse(value) as never,
  });
  if (target === "param") return described(check, { reads: { target, schema } });
  const answers = problems(400);
  if (target === "query") return described(check, { reads: { target, schema }, answers });
  return described(check, { body: { "application/json": { schema, examples } }, answers });
}

/** 400 with an entry for each fault, or for the first ERRORS_MAX of them. */
export function faulty(all: readonly ProblemEntry[]): Refusal {
  const errors = all.slice(0, ERRORS_MAX);
  const more = all.length > ERRORS_MAX ? `; and ${all.length - ERRORS_MAX} more` : "";
  return new Refusal(400, errors.map(({ detail }) => detail).join("; ") + more, { errors });
}

function entriesOf(issue: z.core.$ZodIssue, known: readonly string[] | undefined): ProblemEntry[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownParameter(key, known));
  const name = issue.path.map(String).join(".");
  return [{ pointer: pointerTo(issue.path), detail: name ? `${name} ${issue.message}` : issue.message }];
}

/** The text of a query parameter: one that is repeated arrives as an array. */
export const parameter = z.string("must be given once");

/** For a route that takes no query; typed so that a typed client need not send an empty one. */
export const noQuery: MiddlewareHandler = validate("query", z.strictObject({}));

/** The entry for a query parameter or key that nothing reads; `known` are those that are. */
export function unknownParameter(name: string, known: readonly string[] = []): ProblemEntry {
  const hint = known.length > 0 ? `, only ${known.join(", ")}` : "";
  return { pointer: pointerTo([name]), code: "unknown_field", detail: `${shown(name)} is not known${hint}` };
}

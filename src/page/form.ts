/** Forms that the page posts. */
import type { Context, MiddlewareHandler } from "hono";
import { z } from "zod";
import { bytesOf, mediaTypeOf, takeBody, textOf } from "../http/body.ts";
import { ownForm } from "../http/cookie-session.ts";
import type { Env } from "../http/env.ts";
import type { InFlight } from "../http/in-flight.ts";
import { Refusal } from "../http/problem.ts";
import { entriesOf, faulty } from "../http/validate.ts";

export const FORM_TYPE = "application/x-www-form-urlencoded";

/** A field that may be sent any number of times, such as a group of checkboxes. */
export const listField = z
  .union([z.string().transform((value) => [value]), z.array(z.string())])
  .default([])
  .transform((values) => values);

/** Takes the body of a form that a page of this service sends, up to `bytesMax`. It comes before `requires`. */
export const formBody = (inFlight: InFlight, bytesMax: number): [MiddlewareHandler<Env>, MiddlewareHandler<Env>] => [
  ownForm,
  takeBody(inFlight, bytesMax),
];

/**
 * Reads the fields of a form. A field that is sent once is a string, otherwise it is a list of strings.
 * @throws Refusal 400 with an entry for each field that breaks the schema, 415 if the body is not a form
 */
export function readForm<Schema extends z.ZodObject>(c: Context<Env>, schema: Schema): z.output<Schema> {
  mediaTypeOf(c, [FORM_TYPE]);
  const text = textOf(bytesOf(c));
  if (!isWellEncoded(text))
    throw new Refusal(400, "the form has a % that does not begin a character of UTF-8: send it as browsers do");
  return readFields(new URLSearchParams(text), schema);
}

/** URLSearchParams would make U+FFFD of bytes that are not UTF-8, and a cell would be stored with it. */
function isWellEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** A page of the widest table has about half as many cells. */
const FIELDS_MAX = 100_000;

/** The fields of a form in the order they were sent. */
export type SentFields = Iterable<readonly [name: string, value: unknown]>;

/** The same for fields that are read already. Files are left out. @throws Refusal 400, 413 */
export function readFields<Schema extends z.ZodObject>(sent: SentFields, schema: Schema): z.output<Schema> {
  // Read once: to look up each name would block the service for minutes if a form has a million names.
  const texts = new Map<string, string[]>();
  let fields = 0;
  for (const [name, value] of sent) {
    if (++fields > FIELDS_MAX)
      throw new Refusal(413, `the form has more than ${FIELDS_MAX} fields: send fewer at once`);
    if (typeof value !== "string") continue;
    const before = texts.get(name);
    if (before) before.push(value);
    else texts.set(name, [value]);
  }
  const given = Object.fromEntries(
    [...texts].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw faulty(result.error.issues.flatMap((issue) => entriesOf(issue, Object.keys(schema.shape))));
}

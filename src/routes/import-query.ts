/** What a request to inspect or import a file says about it, in its query and headers. */
import type { Context } from "hono";
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import { codingOf, mediaTypeOf } from "../http/body.ts";
import type { Env } from "../http/env.ts";
import { Refusal } from "../http/problem.ts";
import { parameter } from "../http/validate.ts";
import { rejectLimit } from "../ingest/reject-limit.ts";
import { MEDIA_TYPES, type MediaType } from "../read/formats/file-formats.ts";
import { CODINGS, type Packing, packingOfCoding } from "../read/formats/packings.ts";
import { RECIPE_PARAMETERS } from "../read/recipes/recipe-options.ts";

const NAME_LENGTH_MAX = 255;

/** What the client calls its file. It is only shown, and never used as a path. */
export const fileName = parameter
  .regex(/^\P{Cc}+$/u, "must have no control characters")
  .max(NAME_LENGTH_MAX, `must have 1 to ${NAME_LENGTH_MAX} characters`)
  .optional();

export const tableParameter = ({ names }: Dictionary) =>
  z.enum(names, { error: `must be given once, and be one of ${names.join(", ")}` });

export const importQuery = (dictionary: Dictionary) =>
  z.strictObject({
    table: tableParameter(dictionary),
    name: fileName,
    dry_run: z.enum(["true", "false"], { error: "must be true or false" }).default("false"),
    max_rejects: parameter
      .refine((text) => rejectLimit(text) !== undefined, "must be a number of rows, or a share from 0% to 100%")
      .transform(rejectLimit)
      .optional(),
    ...RECIPE_PARAMETERS,
  });

export type ImportQuery = z.output<ReturnType<typeof importQuery>>;

/** What a request says about the file in its body. @throws Refusal 415 */
export function fileTypeOf(c: Context<Env>): { type: MediaType; packing: Packing | undefined } {
  const coding = codingOf(c);
  const type = mediaTypeOf(c, MEDIA_TYPES, [coding]);
  const packing = packingOfCoding(coding);
  if (packing || coding === "identity") return { type, packing };
  // RFC 9110, section 15.5.16: if the coding is at fault, Accept-Encoding lists the codings that are accepted.
  const advice = `use one of ${CODINGS.join(", ")}, or none`;
  throw new Refusal(415, `the Content-Encoding ${coding} is not accepted here: ${advice}`, {
    headers: { "Accept-Encoding": CODINGS.join(", ") },
  });
}

/** Which rejections a request is about. */
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import { REASON_CODES, REJECTION_STATES } from "../db/ledger.ts";
import { documented } from "../http/describe.ts";
import { idCursor, rowLimit } from "../http/page-parameters.ts";
import { spreadsheetOption } from "../http/stream.ts";
import { parseCause } from "../repositories/causes.ts";
import { runId } from "./runs.ts";

export const RejectionPath = z.object({
  id: z
    .string()
    .regex(/^\d{1,15}$/, "there is no such rejection: ids are numbers")
    .transform(Number)
    .meta(documented({ type: "integer", minimum: 1, examples: [1] })),
});
/** A cause as causeText writes it. */
export const causeParameter = z
  .string("must be given once")
  .transform((text, context) => {
    const cause = parseCause(text);
    if (!cause)
      context.addIssue({ code: "custom", message: "must be codes with their fields: missing:name;missing:job" });
    return cause ?? z.NEVER;
  })
  .meta(
    documented({
      ...{ type: "string", examples: ["unknown_reference:department_id"] },
      description: "All reasons of a row: their codes and fields, with a semicolon between them",
    }),
  );
export const rejectionQuery = ({ names }: Dictionary) =>
  z.strictObject({
    limit: rowLimit,
    cursor: idCursor,
    spreadsheet: spreadsheetOption,
    table: z.enum(names, { error: `must be one of ${names.join(", ")}` }).optional(),
    code: z.enum(REASON_CODES, { error: `must be one of ${REASON_CODES.join(", ")}` }).optional(),
    cause: causeParameter.optional(),
    run: runId.optional(),
    state: z.enum(REJECTION_STATES, { error: `must be one of ${REJECTION_STATES.join(", ")}` }).optional(),
  });

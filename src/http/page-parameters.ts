/** The parameters by which a client asks for a page of a listing: `?cursor=` and `?limit=`. */
import { documented } from "./describe.ts";
import { Refusal } from "./problem.ts";
import { parameter } from "./validate.ts";

const ROWS_PER_PAGE_MAX = 1000;

const LIMIT_FAULT = `must be a number from 1 to ${ROWS_PER_PAGE_MAX}`;

/** What the OpenAPI document says about every `?cursor=`. */
export const CURSOR = "Begin after this one. The Link to the next page contains it";

/** What is wrong with a cursor that no page had. */
export const CURSOR_FAULT = "must be taken from the Link to the next page";

const CURSOR_MAX = 999_999_999_999_999;

/** `?cursor=` of a listing by id: the last id of the previous page. */
export const idCursor = parameter
  .regex(/^-?\d{1,15}$/, CURSOR_FAULT)
  .transform(Number)
  .meta(documented({ type: "integer", minimum: -CURSOR_MAX, maximum: CURSOR_MAX, examples: [0], description: CURSOR }))
  .optional();

/** `?limit=` of a listing. CSV and NDJSON take any number; JSON up to ROWS_PER_PAGE_MAX, see pageLimit. */
export const rowLimit = parameter
  .regex(/^0*[1-9]\d{0,14}$/, "must be a whole number from 1")
  .transform(Number)
  .meta(
    documented({
      ...{ type: "integer", minimum: 1, maximum: ROWS_PER_PAGE_MAX, examples: [10] },
      description: `The most rows to answer. A page of JSON has ${ROWS_PER_PAGE_MAX} at most; CSV and NDJSON have all rows without a limit, and take any number`,
    }),
  )
  .optional();

/** `?limit=` of a listing that is only answered as JSON. */
export const limitParameter = parameter
  .regex(/^\d{1,4}$/, LIMIT_FAULT)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= ROWS_PER_PAGE_MAX, LIMIT_FAULT)
  .default(ROWS_PER_PAGE_MAX)
  .meta(
    documented({
      ...{ type: "integer", minimum: 1, maximum: ROWS_PER_PAGE_MAX, default: ROWS_PER_PAGE_MAX, examples: [10] },
      description: "The most entries to answer",
    }),
  );

/** How many rows a page of JSON has at most. @throws Refusal 400 if the client asks for more than a page may have */
export function pageLimit(limit: number = ROWS_PER_PAGE_MAX): number {
  if (limit <= ROWS_PER_PAGE_MAX) return limit;
  const detail = `limit ${LIMIT_FAULT} for a page of JSON: CSV and NDJSON take any`;
  throw new Refusal(400, detail, { errors: [{ pointer: "/limit", detail }] });
}

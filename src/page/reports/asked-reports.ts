/** What the query of the reports view asks for, and the addresses of other views of them. */
import { z } from "zod";
import { parameter } from "../../http/validate.ts";
import { YearQuery } from "../../routes/reports.ts";
import { address } from "../address.ts";
import { type Order, SORTS, type Sort } from "./hires-rows.ts";

export const FILTER_LENGTH_MAX = 100;

export const ReportsQuery = YearQuery.extend({
  department: parameter
    .regex(/^(-?\d{1,10})?$/, "must be the id of a department")
    .transform((id) => (id === "" ? undefined : Number(id)))
    .optional(),
  sort: z.enum(SORTS, `must be one of ${SORTS.join(", ")}`).default("department"),
  order: z.enum(["asc", "desc"], "must be asc or desc").optional(),
  filter: parameter.max(FILTER_LENGTH_MAX, `must have at most ${FILTER_LENGTH_MAX} characters`).default(""),
});

export type AskedReports = z.output<typeof ReportsQuery> & { order: Order };

export const withOrder = (query: z.output<typeof ReportsQuery>): AskedReports => ({
  ...query,
  order: query.order ?? firstOrder(query.sort),
});

/** The order of a column that is sorted by for the first time: names from A, numbers from the largest. */
const firstOrder = (sort: Sort): Order => (sort === "department" || sort === "job" ? "asc" : "desc");

/** The other order if the rows are sorted by this column already. */
export function nextOrder(asked: AskedReports, sort: Sort): Order {
  if (asked.sort !== sort) return firstOrder(sort);
  return asked.order === "asc" ? "desc" : "asc";
}

export const VIEW = "page/reports";

/** The view with these changes, relative to the root of the service. */
export const addressOf = (asked: AskedReports, changes: Partial<AskedReports> = {}): string =>
  address(VIEW, fieldsOf({ ...asked, ...changes }));

/** The fields of the query, as a form sends them. Those that ask for what is usual are left out, but for the year. */
export function fieldsOf({ year, department, sort, order, filter }: AskedReports) {
  const isSorted = sort !== "department" || order !== "asc";
  return { year, department, ...(isSorted && { sort, order }), filter: filter === "" ? undefined : filter };
}

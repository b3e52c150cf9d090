/** The rows of the table of hires: narrowed, filtered, sorted and added up. */
import type { PairHires } from "../../repositories/report-queries.ts";

export interface HiresRow extends PairHires {
  total: number;
}

export const NUMBERS = ["Q1", "Q2", "Q3", "Q4", "total"] as const;
export const SORTS = ["department", "job", ...NUMBERS] as const;
export type Sort = (typeof SORTS)[number];
export type Order = "asc" | "desc";

interface Wanted {
  department: number | undefined;
  filter: string;
  sort: Sort;
  order: Order;
}

export interface HiresRows {
  rows: HiresRow[];
  totals: Record<(typeof NUMBERS)[number], number>;
}

/** @param pairs in alphabetical order, which decides if values are equal */
export function hiresRows(pairs: readonly PairHires[], { department, filter, sort, order }: Wanted): HiresRows {
  const text = folded(filter.trim());
  const rows = pairs
    .filter((pair) => department === undefined || pair.department_id === department)
    .filter((pair) => folded(pair.department).includes(text) || folded(pair.job).includes(text))
    .map((pair) => ({ ...pair, total: pair.Q1 + pair.Q2 + pair.Q3 + pair.Q4 }));
  const totals = { Q1: 0, Q2: 0, Q3: 0, Q4: 0, total: 0 };
  for (const row of rows) for (const name of NUMBERS) totals[name] += row[name];
  return { rows: sorted(rows, sort, order), totals };
}

/** The filter ignores case and accents, as the tables' own collations do. */
const folded = (text: string) => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();

const names = new Intl.Collator("en", { sensitivity: "base" });

function sorted(rows: readonly HiresRow[], sort: Sort, order: Order): HiresRow[] {
  const sign = order === "asc" ? 1 : -1;
  if (sort === "department" && order === "asc") return [...rows];
  if (sort === "department" || sort === "job") return rows.toSorted((a, b) => sign * names.compare(a[sort], b[sort]));
  return rows.toSorted((a, b) => sign * (a[sort] - b[sort]));
}

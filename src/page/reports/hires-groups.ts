/** The hires of a year by department, or by job, for the chart. */
import type { PairHires } from "../../repositories/report-queries.ts";
import { count } from "../parts/quantities.ts";

/** The chart tells this many groups apart. The smallest ones become one group if there are more. */
export const GROUPS_MAX = 12;

export interface Group {
  /** Undefined for the group of all others. */
  id: number | undefined;
  name: string;
  /** By quarter. */
  hires: number[];
  total: number;
}

/** The groups, those with the most hires first; if they are equal, the lower id. */
export function groupsOf(pairs: readonly PairHires[], by: "department" | "job"): Group[] {
  const groups = new Map<number, Group>();
  for (const pair of pairs) {
    const id = pair[`${by}_id`];
    const before = groups.get(id)?.hires ?? [0, 0, 0, 0];
    const hires = [pair.Q1, pair.Q2, pair.Q3, pair.Q4].map((each, quarter) => each + (before[quarter] ?? 0));
    groups.set(id, { id, name: pair[by], hires, total: sumOf(hires) });
  }
  const sorted = [...groups.values()].sort((a, b) => b.total - a.total || (a.id ?? 0) - (b.id ?? 0));
  return withDistinctNames(sorted);
}

/** Names that are equal get their ids. */
function withDistinctNames(groups: readonly Group[]): Group[] {
  const seen = new Map<string, number>();
  for (const { name } of groups) seen.set(name, (seen.get(name) ?? 0) + 1);
  return groups.map((group) =>
    (seen.get(group.name) ?? 0) > 1 ? { ...group, name: `${group.name} (id ${group.id})` } : group,
  );
}

/** At most GROUPS_MAX groups: the last one takes the place of all that are left. @param what such as `jobs` */
export function largestOf(groups: readonly Group[], what: string): Group[] {
  if (groups.length <= GROUPS_MAX) return [...groups];
  const others = groups.slice(GROUPS_MAX - 1);
  const hires = [0, 1, 2, 3].map((quarter) => sumOf(others.map((group) => group.hires[quarter] ?? 0)));
  const name = `${count(others.length)} other ${what}`;
  return [...groups.slice(0, GROUPS_MAX - 1), { id: undefined, name, hires, total: sumOf(hires) }];
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0);

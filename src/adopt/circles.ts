/** Finds tables that refer to each other in a circle. */

/**
 * @param edges the references between tables
 * @returns the shortest circle through each table that is in one; a table that refers to itself alone is in none
 */
export function circlesOf(edges: readonly { from: string; to: string }[]): string[][] {
  const parents = new Map<string, string[]>();
  for (const { from, to } of edges) if (from !== to) parents.set(from, [...(parents.get(from) ?? []), to]);
  const circles: string[][] = [];
  for (const table of [...parents.keys()].sort()) {
    if (circles.some((circle) => circle.includes(table))) continue;
    const circle = shortestTo(table, parents);
    if (circle) circles.push(circle);
  }
  return circles;
}

/** The shortest way from a table back to itself, without its end. */
function shortestTo(table: string, parents: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const seen = new Set<string>();
  let ways = [[table]];
  while (ways.length > 0) {
    const next: string[][] = [];
    for (const way of ways) {
      for (const parent of parents.get(way.at(-1) ?? "") ?? []) {
        if (parent === table) return way;
        if (seen.has(parent)) continue;
        seen.add(parent);
        next.push([...way, parent]);
      }
    }
    ways = next;
  }
  return undefined;
}

/** Queries of information_schema, the server's own description of its databases. */

export type CatalogRow = Record<string, string | null>;

/** Runs a query with one parameter: the database's name. */
export type Ask = (sql: string) => Promise<CatalogRow[]>;

/** What `of` makes of the rows, by their column `table`. */
export function grouped<T>(rows: readonly CatalogRow[], of: (row: CatalogRow) => T): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.table ?? "");
    if (group) group.push(of(row));
    else groups.set(row.table ?? "", [of(row)]);
  }
  return groups;
}

/** MySQL writes the quotes of an expression as \' in information_schema. */
export const plainQuotes = (expression: string): string => expression.replaceAll("\\'", "'");

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

/** A text whose backslashes escape, as MySQL writes expressions and MariaDB writes literals in information_schema. */
export const unescaped = (text: string): string =>
  text.replace(/\\(.)/gs, (_, after: string) => ESCAPES[after] ?? after);

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", "0": "\0", Z: "\x1a" };

/** @jsxImportSource hono/jsx */
/** A table in a box that scrolls, under a head that stays. */
import type { Child } from "hono/jsx";
import { count } from "./quantities.ts";

export interface Column {
  name: Child;
  /** Numbers stand on the right. */
  isNumber?: boolean;
  /** For a column that the page is sorted by. */
  sorted?: "ascending" | "descending" | undefined;
}

interface Listing {
  /** Names the table, for screen readers too. */
  caption: string;
  /** Shown beside the caption, such as links to the same rows as CSV. */
  links?: Child;
  columns: readonly (string | Column)[];
  /** The cells of each row: `<th scope="row">` first, then `<td>`. */
  rows: readonly Child[];
  /** The cells of a row below, which stays in view as the head does. */
  totals?: Child;
  /** Shown if there are no rows. */
  ifEmpty: Child;
  /** Why the rows are not available now. */
  unavailable?: string | undefined;
  /** The table needs more than the width of a phone. */
  isWide?: boolean;
}

export function Table({ caption, links, columns, rows, totals, ifEmpty, unavailable, isWide = false }: Listing) {
  return (
    <section class="box" aria-label={caption} tabindex={0}>
      <table class={isWide ? "wide" : undefined}>
        <caption>
          {caption} {links}
        </caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading {...(typeof column === "string" ? { name: column } : column)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.length > 0 ? (
            rows.map((cells) => <tr>{cells}</tr>)
          ) : (
            <tr>
              <td class="none" colspan={columns.length}>
                {unavailable === undefined ? ifEmpty : <Unavailable why={unavailable} />}
              </td>
            </tr>
          )}
        </tbody>
        {totals && (
          <tfoot>
            <tr>{totals}</tr>
          </tfoot>
        )}
      </table>
    </section>
  );
}

const Heading = ({ name, isNumber = false, sorted }: Column) => (
  <th scope="col" class={isNumber ? "n" : undefined} aria-sort={sorted}>
    {name}
  </th>
);

/** Stands in place of a part that could not be read. */
export const Unavailable = ({ why }: { why: string }) => <span class="bad">Not available now: {why}</span>;

/** A cell with a number of rows. */
export const Rows = ({ rows }: { rows: number }) => <td class={rows === 0 ? "n zero" : "n"}>{count(rows)}</td>;

/** A table on a page, in a box that scrolls, with links to its data as JSON and CSV. */
import { html, raw } from "hono/html";

/** HTML text. Values in a template are escaped, unless they are `Html` themselves. */
export type Html = ReturnType<typeof html>;

interface Listing {
  caption: string;
  /** The address of the same rows as JSON. */
  data: string;
  /** Links to CSV for a spreadsheet program. The default is one link: `data` as CSV. */
  sheets?: { name: string; address: string }[];
  columns: string[];
  /** More columns, to the right of `columns` and right-aligned. */
  numbers?: string[];
  /** The cells of each row. */
  rows: Html[];
  /** Shown if there are no rows. */
  ifEmpty: string;
  /** Why the rows are not available now. */
  unavailable?: string | undefined;
  /** The table needs more than the width of a phone. */
  isWide?: boolean;
}

export function table(listing: Listing): Html {
  const { caption, data, sheets, columns, numbers = [], rows, ifEmpty, unavailable, isWide = false } = listing;
  const width = columns.length + numbers.length;
  const message =
    unavailable === undefined ? ifEmpty : html`<span class="bad">Not available now: ${unavailable}</span>`;
  const empty = html`<tr><td colspan="${width}" class="none">${message}</td></tr>`;
  const own = [{ name: "CSV", address: `${data}${data.includes("?") ? "&" : "?"}spreadsheet=true` }];
  const links = (sheets ?? own).map(({ name, address }) => html` <a href="${address}">${name}</a>`);
  return html`<div class="box" role="region" aria-label="${caption}" tabindex="0">
<table${isWide && raw(' class="wide"')}><caption><span>${caption} <a href="${data}">JSON</a></span> <span>For a spreadsheet:${links}</span></caption>
<thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}${numbers.map((name) => html`<th scope="col" class="n">${name}</th>`)}</tr></thead>
<tbody>
${rows.length === 0 ? empty : rows.map((cells) => html`<tr>${cells}</tr>\n`)}
</tbody></table></div>`;
}

export const numberOf = (rows: number): Html => html`<td class="${rows === 0 ? "n zero" : "n"}">${count(rows)}</td>`;

export const count = (rows: number): string => rows.toLocaleString("en");

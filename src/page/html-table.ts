/** A table of the page, in a box that scrolls, and with links to its data. */
import { html, raw } from "hono/html";
import type { Html } from "./frame.ts";

interface Listing {
  caption: string;
  /** The address of the same as data. */
  data: string;
  /** The address of the same for a spreadsheet, or of its parts; `data` can be had so if it is left out. */
  sheets?: { name: string; address: string }[];
  columns: string[];
  /** The columns after those. */
  numbers?: string[];
  /** The cells of each. */
  rows: Html[];
  /** What is said if there are none. */
  none: string;
  /** Why the rows cannot be had now. */
  missing?: string | undefined;
  /** It takes more than the width of a phone. */
  isWide?: boolean;
}

export function table({
  caption,
  data,
  columns,
  numbers = [],
  rows,
  none,
  missing,
  sheets,
  isWide = false,
}: Listing): Html {
  const width = columns.length + numbers.length;
  const said = missing === undefined ? none : html`<span class="bad">Not available now: ${missing}</span>`;
  const empty = html`<tr><td colspan="${width}" class="none">${said}</td></tr>`;
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

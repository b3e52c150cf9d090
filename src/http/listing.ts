/**
 * Answers that list rows in the order of a key. JSON is one page, with a Link to the next (RFC 8288). CSV and NDJSON have as
 * many rows as the client wants.
 */
import type { Context, TypedResponse } from "hono";
import type { JSONParsed } from "hono/utils/types";
import { pageLimit } from "./page-parameters.ts";
import { JSON_TYPE } from "./problem.ts";
import { formOf, type Lines, type NextPage, streamLines } from "./stream.ts";

/** A listing in the order of its keys, as its route describes it. */
export interface Listing<Row, Key> {
  /** Reads up to `limit` rows after the key, or from the start. Fewer rows than `limit` mean that there are no more. */
  read(limit: number, after: Key | undefined): Promise<Row[]>;
  keyOf(row: Row): Key;
  /** A key as the text of a cursor, if it is not a number. */
  cursorOf?(key: Key): string;
  /**
   * Reads a page directly as the text of a JSON array, if the database code can do that faster. `last` is its last row's key.
   */
  readJson?(limit: number, after: Key | undefined): Promise<JsonPage<Key>>;
  /** The most rows that one query of a stream reads. They are held in memory, so a query reads fewer if the rows are long. */
  pageRows: number;
  after?: Key | undefined;
  limit?: number | undefined;
  spreadsheet?: boolean | undefined;
}

interface JsonPage<Key> {
  json: Uint8Array<ArrayBuffer> | string;
  last: Key | undefined;
  more: boolean;
}

/**
 * Answers a listing in the form that the client asks for. JSON is one page with a Link to the next; CSV and NDJSON have all
 * rows, or `listing.limit` of them.
 * @throws Refusal 400 if the limit is too high for JSON, 406 if the client asks for another form
 */
export async function answerListing<Row, Key, Json>(
  c: Context,
  lines: Lines<Row, Json>,
  listing: Listing<Row, Key>,
): Promise<Response & TypedResponse<JSONParsed<Json[]>, 200, "json">> {
  const { spreadsheet = false } = listing;
  const form = formOf(c, spreadsheet);
  if (form !== "application/json") return streamLines(c, form, lines, pagesOf(listing), spreadsheet);
  const limit = pageLimit(listing.limit);
  const { json, last, more } = await (listing.readJson?.(limit, listing.after) ?? readPage(listing, lines, limit));
  if (more) linkNext(c, last === undefined ? last : (listing.cursorOf?.(last) ?? last));
  const answer: Response = c.newResponse(json, 200, JSON_TYPE);
  // The typed client needs the type that c.json would give the answer.
  return answer as Response & TypedResponse<JSONParsed<Json[]>, 200, "json">;
}

/** The forms of a download, by the name that its address has. */
export const DOWNLOADS = {
  csv: { type: "text/csv", name: "CSV", ending: "csv" },
  spreadsheet: { type: "text/csv", name: "CSV for a spreadsheet", ending: "csv" },
  ndjson: { type: "application/x-ndjson", name: "NDJSON", ending: "ndjson" },
} as const;

/** Answers all rows of a listing as a file that a browser stores. Its address names the form, since a link has no Accept. */
export async function downloadListing<Row, Key>(
  c: Context,
  { form, fileName }: { form: keyof typeof DOWNLOADS; fileName: string },
  lines: Lines<Row, unknown>,
  listing: Listing<Row, Key>,
) {
  const { type, ending } = DOWNLOADS[form];
  const answer = await streamLines(c, type, lines, pagesOf(listing), form === "spreadsheet");
  answer.headers.set("Content-Disposition", `attachment; filename="${fileName}.${ending}"`);
  return answer;
}

/** A page with more characters than this ends early: rows may be long. */
const PAGE_CHARACTERS_MAX = 4 * 1024 * 1024;

async function readPage<Row, Key, Json>(
  listing: Listing<Row, Key>,
  { toJson }: Lines<Row, Json>,
  limit: number,
): Promise<JsonPage<Key>> {
  const { rows, texts, more } = await rowsOfPage(listing, limit, (row) => JSON.stringify(toJson(row)));
  const [last] = rows.slice(-1).map(listing.keyOf);
  return { json: `[${texts.join(",")}]`, last, more };
}

/**
 * The rows of a page, up to `limit`, their texts, and whether more rows follow. The page ends early if its texts are long.
 * @param textOf makes the text of a row, whose length counts
 */
export async function rowsOfPage<Row, Key>(
  listing: Listing<Row, Key>,
  limit: number,
  textOf: (row: Row) => string = JSON.stringify,
): Promise<{ rows: Row[]; texts: string[]; more: boolean }> {
  const rows: Row[] = [];
  const texts: string[] = [];
  let characters = 0;
  // Asks for one row more than the page holds. If there is one, there is a next page.
  const nextRows = pagesOf({ ...listing, limit: limit + 1 });
  for (let read = await nextRows(); read; read = await nextRows()) {
    for (const row of read) {
      if (rows.length === limit || characters > PAGE_CHARACTERS_MAX) return { rows, texts, more: true };
      const text = textOf(row);
      characters += text.length;
      rows.push(row);
      texts.push(text);
    }
  }
  return { rows, texts, more: false };
}

/** Reads a listing page by page. Each page is one query, which begins when the page is asked for. */
function pagesOf<Row, Key>(listing: Listing<Row, Key>): NextPage<Row> {
  let { after } = listing;
  let pageRows = Math.min(listing.pageRows, FIRST_PAGE_ROWS);
  let left = listing.limit ?? Number.POSITIVE_INFINITY;
  return async () => {
    if (left === 0) return undefined;
    const limit = Math.min(left, pageRows);
    const rows = await listing.read(limit, after);
    left = rows.length < limit ? 0 : left - limit;
    after = rows.map(listing.keyOf).at(-1);
    pageRows = Math.min(listing.pageRows, Math.ceil(PAGE_CHARACTERS / charactersPerRow(rows)));
    return rows;
  };
}

/** The first page of a stream is small, because the length of its rows is not known yet. */
const FIRST_PAGE_ROWS = 1_000;
/** The approximate size of later pages of a stream. In memory, the rows of a page take several times as many bytes. */
const PAGE_CHARACTERS = 512 * 1024;
/** To estimate the length of rows, one row in this many is measured. */
const SAMPLED = 50;

function charactersPerRow(rows: readonly unknown[]): number {
  const sample = rows.filter((_, index) => index % SAMPLED === 0);
  return JSON.stringify(sample).length / Math.max(1, sample.length);
}

/** Adds a Link to the page after the cursor. It is relative, so it also works behind a proxy. */
export function linkNext(c: Context, cursor: unknown): void {
  const [, path, query = ""] = /^[a-z]+:\/\/[^/]+([^?#]*)(?:\?([^#]*))?/.exec(c.req.url) ?? [];
  const others = query
    .split("&")
    .filter((parameter) => parameter !== "" && !new URLSearchParams(parameter).has("cursor"));
  c.header("Link", `<${path}?${[...others, `cursor=${encodeURIComponent(String(cursor))}`].join("&")}>; rel="next"`);
}

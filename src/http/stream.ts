/** Answers of any length, as lines of CSV or NDJSON, at the pace at which the client reads (design section 4). */
import type { Context, TypedResponse } from "hono";
import type { JSONParsed } from "hono/utils/types";
import type { Logger } from "pino";
import { z } from "zod";
import { cellText, csvLine } from "../codecs/csv.ts";
import { guarded, SPREADSHEET_COLUMN, SPREADSHEET_YES } from "../codecs/spreadsheet.ts";
import { gzipped, takesGzip } from "./compression.ts";
import { documented } from "./describe.ts";
import { loggable } from "./log.ts";
import { negotiate } from "./negotiate.ts";
import { linkNext, ROWS_PER_PAGE_MAX } from "./paging.ts";
import { JSON_TYPE, Refusal } from "./problem.ts";
import { parameter } from "./validate.ts";

/** The forms that are lines, for negotiate. */
export const LINE_FORMS = ["text/csv", "application/x-ndjson"] as const;
type LineForm = (typeof LINE_FORMS)[number];
const CONTENT_TYPES: Record<LineForm, string> = {
  "text/csv": "text/csv; charset=utf-8; header=present",
  "application/x-ndjson": "application/x-ndjson",
};

/** A listing by keyset, as its route describes it. */
export interface Listing<Row, Key> {
  /** At most `limit` rows: those after the key, or the first ones. Fewer are the last. */
  read(limit: number, after: Key | undefined): Promise<Row[]>;
  keyOf(row: Row): Key;
  /** The same as the text of a JSON array, where that is cheaper than by its rows; `last` is the last one's key. */
  readJson?(limit: number, after: Key | undefined): Promise<JsonPage<Key>>;
  /** Rows of one page at most, which is what is held in memory. Long rows come in smaller pages. */
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

/** How a row is written: as the cells of a CSV line under the header line, and as the object that JSON answers. */
export interface Lines<Row, Json = Row> {
  header: readonly string[];
  cells(row: Row): readonly unknown[];
  toJson(row: Row): Json;
}

/**
 * Answers a listing in the form that the client asks for: a page of JSON with a Link to the next one, or all of it, or as
 * many rows as `?limit=` says, as lines.
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
  if (more) linkNext(c, last);
  const answer: Response = c.newResponse(json, 200, JSON_TYPE);
  // The type that c.json would give it, for the typed client.
  return answer as Response & TypedResponse<JSONParsed<Json[]>, 200, "json">;
}

/** Characters after which a page of JSON ends before it has as many rows as were asked for. */
const PAGE_CHARACTERS_MAX = 4 * 1024 * 1024;

async function readPage<Row, Key, Json>(
  { read, keyOf, after, pageRows }: Listing<Row, Key>,
  { toJson }: Lines<Row, Json>,
  limit: number,
): Promise<JsonPage<Key>> {
  const texts: string[] = [];
  let characters = 0;
  let last: Key | undefined;
  const page = (more: boolean) => ({ json: `[${texts.join(",")}]`, last, more });
  for (;;) {
    // One more than fits says that there is a next page.
    const wanted = Math.min(pageRows, limit + 1 - texts.length);
    const rows = await read(wanted, last ?? after);
    for (const row of rows) {
      if (texts.length === limit || characters > PAGE_CHARACTERS_MAX) return page(true);
      const text = JSON.stringify(toJson(row));
      characters += text.length;
      texts.push(text);
      last = keyOf(row);
    }
    if (rows.length < wanted) return page(false);
  }
}

/** The form that a client asks for. A spreadsheet reads CSV alone. */
export const formOf = (c: Context, spreadsheet: boolean) =>
  spreadsheet ? negotiate(c, ["text/csv"]) : negotiate(c, ["application/json", ...LINE_FORMS]);

/**
 * Answers rows as lines: one page is read, written and taken by the client before the next is asked for, so that neither
 * a long table nor a slow client fills memory, and a client that is gone ends the reading. HEAD reads nothing. Where a
 * page fails, the connection is cut inside the body: no client can take what it got for the whole.
 * @returns typed as no JSON, so that the typed client keeps the type of the JSON answer
 * @throws what reading the first page throws: the status is not sent yet
 */
export async function streamLines<Row>(
  c: Context,
  form: LineForm,
  lines: Lines<Row, unknown>,
  pages: AsyncIterable<readonly Row[]>,
  spreadsheet = false,
) {
  const isHead = c.req.method === "HEAD";
  c.header("Vary", "Accept-Encoding", { append: true });
  const writer = spreadsheet ? spreadsheetOf(lines) : form === "text/csv" ? csvOf(lines) : ndjsonOf(lines);
  const texts = textsOf(writer, pages);
  if (spreadsheet) c.header("Content-Disposition", `attachment; filename="${c.req.path.split("/").at(-1)}.csv"`);
  const isGzip = takesGzip(c);
  const body = isHead ? null : await pulled(c, isGzip ? gzipped(texts) : texts);
  const coding = { ...(isGzip && { "Content-Encoding": "gzip" }), ...(isHead && { "Transfer-Encoding": "chunked" }) };
  const answer = c.newResponse(body, 200, { "Content-Type": CONTENT_TYPES[form], ...coding });
  return answer as Response & TypedResponse<never, 200, "json">;
}

/** The lines of objects whose fields are the columns; what is an object itself becomes a cell of JSON text. */
export function linesOf<Row extends object>(fields: readonly (keyof Row & string)[]): Lines<Row> {
  const cell = (value: unknown) => (typeof value === "object" && value !== null ? JSON.stringify(value) : value);
  return {
    header: fields,
    cells: (row) => fields.map((field) => cell(row[field])),
    toJson: (row) => row,
  };
}

/** `?limit=` of a listing: a stream takes any number, and is whole without one. */
export const rowLimit = parameter
  .regex(/^0*[1-9]\d{0,14}$/, "must be a whole number from 1")
  .transform(Number)
  .meta(
    documented({
      ...{ type: "integer", minimum: 1, maximum: ROWS_PER_PAGE_MAX, examples: [10] },
      description: `How many at most. JSON has ${ROWS_PER_PAGE_MAX} on a page, and no more. CSV and NDJSON have all, and take any number`,
    }),
  )
  .optional();

/** `?spreadsheet=true` of everything that is answered as CSV. */
export const spreadsheetOption = z
  .enum(["true", "false"], { error: "must be true or false" })
  .transform((text) => text === "true")
  .default(false)
  .meta(
    documented({
      ...{ type: "boolean", examples: [false] },
      description: `CSV for a spreadsheet program: with a byte order mark, an apostrophe before cells that it would take for a formula, and a column \`${SPREADSHEET_COLUMN}\``,
    }),
  );

/** The rows of a JSON page. @throws Refusal 400 for more than one may hold */
function pageLimit(limit: number = ROWS_PER_PAGE_MAX): number {
  if (limit <= ROWS_PER_PAGE_MAX) return limit;
  const detail = `limit must be a number from 1 to ${ROWS_PER_PAGE_MAX} for a page of JSON: CSV and NDJSON take any`;
  throw new Refusal(400, detail, { errors: [{ pointer: "/limit", detail }] });
}

/** The pages of a listing, each a query of its own that begins when the page is asked for. */
async function* pagesOf<Row, Key>(listing: Listing<Row, Key>): AsyncGenerator<Row[]> {
  let { after } = listing;
  let pageRows = Math.min(listing.pageRows, FIRST_PAGE_ROWS);
  for (let left = listing.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
    const limit = Math.min(left, pageRows);
    const rows = await listing.read(limit, after);
    left = rows.length < limit ? 0 : left - limit;
    after = rows.map(listing.keyOf).at(-1);
    pageRows = Math.min(listing.pageRows, Math.ceil(PAGE_CHARACTERS / charactersOf(rows)));
    yield rows;
  }
}

/** How long the rows are is not known yet. */
const FIRST_PAGE_ROWS = 1_000;
/** About the size of one page of a stream. Each stream holds one, and its rows take several times as many bytes in memory. */
const PAGE_CHARACTERS = 512 * 1024;
/** One row of so many is looked at. */
const SAMPLED = 50;

/** Characters of a row, about. */
function charactersOf(rows: readonly unknown[]): number {
  const sample = rows.filter((_, index) => index % SAMPLED === 0);
  return JSON.stringify(sample).length / Math.max(1, sample.length);
}

interface Writer<Row> {
  before: string;
  line(row: Row): string;
}

const csvOf = <Row>({ header, cells }: Lines<Row, unknown>): Writer<Row> => ({
  before: csvLine(header),
  line: (row) => csvLine(cells(row)),
});

/** With a BOM, without which some programs take UTF-8 for the code page of old. */
const spreadsheetOf = <Row>({ header, cells }: Lines<Row, unknown>): Writer<Row> => ({
  before: `\uFEFF${csvLine([...header, SPREADSHEET_COLUMN])}`,
  line: (row) => csvLine([...cells(row).map((cell) => guarded(cellText(cell))), SPREADSHEET_YES]),
});

const ndjsonOf = <Row>({ toJson }: Lines<Row, unknown>): Writer<Row> => ({
  before: "",
  line: (row) => `${JSON.stringify(toJson(row))}\n`,
});

async function* textsOf<Row>({ before, line }: Writer<Row>, pages: AsyncIterable<readonly Row[]>) {
  let text = before;
  for await (const rows of pages) {
    text += rows.map(line).join("");
    if (text !== "") yield utf8.encode(text);
    text = "";
  }
}

const utf8 = new TextEncoder();

/**
 * A body each part of which is made when the client has taken the one before.
 * @throws what making the first part throws
 */
export async function pulled(c: Context, parts: AsyncIterator<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const log: Logger | undefined = c.get("log");
  const request = c.get("requestId");
  let next: Promise<IteratorResult<Uint8Array>> | undefined = parts.next();
  await next;
  let gone = false;
  const body = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      try {
        const { done, value } = await (next ?? parts.next());
        next = undefined;
        if (gone) return;
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        if (!gone) log?.error({ request, error: loggable(error) }, "the answer broke off: the connection is cut");
        // Without the error: Bun prints what it gets here, and the driver's has the statement with its values.
        controller.error();
      }
    },
    async cancel() {
      gone = true;
      await parts.return?.();
    },
  };
  // The stream's own default would read one part ahead of the client.
  return new ReadableStream(body, { highWaterMark: 0 });
}

/** Streamed answers, made no faster than the client reads them: rows as lines of CSV or NDJSON, and files. */
import type { Context, TypedResponse } from "hono";
import type { Logger } from "pino";
import { z } from "zod";
import { csvLine } from "../codecs/csv.ts";
import { SPREADSHEET_COLUMN, sheetLine, sheetStart } from "../codecs/spreadsheet.ts";
import { gzipped, takesGzip } from "./compression.ts";
import { documented } from "./describe.ts";
import { loggable } from "./log.ts";
import { negotiate } from "./negotiate.ts";

const CONTENT_TYPES = {
  "text/csv": "text/csv; charset=utf-8; header=present",
  "application/x-ndjson": "application/x-ndjson",
};
type LineForm = keyof typeof CONTENT_TYPES;

/** How a row is written: as the cells of a CSV line, and as the object in JSON and NDJSON. */
export interface Lines<Row, Json = Row> {
  header: readonly string[];
  cells(row: Row): readonly unknown[];
  toJson(row: Row): Json;
}

/** Lines of objects. The schema's keys are the columns. A cell that is an object or an array is written as JSON. */
export function linesOf<Row extends object>({ shape }: z.ZodObject): Lines<Row> {
  const fields = Object.keys(shape);
  const cell = (value: unknown) => (typeof value === "object" && value !== null ? JSON.stringify(value) : value);
  return {
    header: fields,
    cells: (row) => fields.map((field) => cell(row[field as keyof Row])),
    toJson: (row) => row,
  };
}

/** `?spreadsheet=true` of every route that answers CSV. */
export const spreadsheetOption = z
  .enum(["true", "false"], { error: "must be true or false" })
  .transform((text) => text === "true")
  .default(false)
  .meta(
    documented({
      ...{ type: "boolean", examples: [false] },
      description: `CSV for a spreadsheet program: with a byte order mark, an apostrophe before cells that the program would take for a formula, and a column \`${SPREADSHEET_COLUMN}\``,
    }),
  );

/** The form that the client asks for. With `?spreadsheet=true` it is CSV. @throws Refusal 406 */
export const formOf = (c: Context, spreadsheet: boolean) =>
  spreadsheet ? negotiate(c, ["text/csv"]) : negotiate(c, ["application/json", "text/csv", "application/x-ndjson"]);

/** Reads the next page of rows; undefined after the last page. */
export type NextPage<Row> = () => Promise<readonly Row[] | undefined>;

/**
 * Answers rows as lines. The next page is read only after the client has taken the one before. So neither a long table nor a
 * slow client fills memory, and reading stops if the client leaves. HEAD reads nothing. If a later page fails, the connection
 * is cut inside the body, so no client believes that a part is everything.
 * @returns an answer whose type says that it has no JSON, so that the typed client uses the type of the route's JSON answer
 * @throws what reading the first page throws: no status has been sent by then, so the error can still be answered
 */
export async function streamLines<Row>(
  c: Context,
  form: LineForm,
  lines: Lines<Row, unknown>,
  nextPage: NextPage<Row>,
  spreadsheet = false,
) {
  const isHead = c.req.method === "HEAD";
  c.header("Vary", "Accept-Encoding", { append: true });
  const writer = spreadsheet ? spreadsheetOf(lines) : form === "text/csv" ? csvOf(lines) : ndjsonOf(lines);
  const texts = textsOf(writer, nextPage);
  if (spreadsheet) c.header("Content-Disposition", `attachment; filename="${c.req.path.split("/").at(-1)}.csv"`);
  const isGzip = takesGzip(c);
  const body = isHead ? null : await pulled(c, isGzip ? gzipped(texts) : texts);
  const coding = { ...(isGzip && { "Content-Encoding": "gzip" }), ...(isHead && { "Transfer-Encoding": "chunked" }) };
  const answer = c.newResponse(body, 200, { "Content-Type": CONTENT_TYPES[form], ...coding });
  return answer as Response & TypedResponse<never, 200, "json">;
}

interface Writer<Row> {
  before: string;
  line(row: Row): string;
}

const csvOf = <Row>({ header, cells }: Lines<Row, unknown>): Writer<Row> => ({
  before: csvLine(header),
  line: (row) => csvLine(cells(row)),
});

const spreadsheetOf = <Row>({ header, cells }: Lines<Row, unknown>): Writer<Row> => ({
  before: sheetStart(header),
  line: (row) => sheetLine(cells(row)),
});

const ndjsonOf = <Row>({ toJson }: Lines<Row, unknown>): Writer<Row> => ({
  before: "",
  line: (row) => `${JSON.stringify(toJson(row))}\n`,
});

async function* textsOf<Row>({ before, line }: Writer<Row>, nextPage: NextPage<Row>) {
  // No variable of this generator keeps a page: while the client reads the page's text, its rows can be freed.
  const nextText = async () => (await nextPage())?.map(line).join("");
  let text = await nextText();
  if (before !== "" || text) yield utf8.encode(before + (text ?? ""));
  while (text !== undefined) {
    text = await nextText();
    if (text) yield utf8.encode(text);
  }
}

const utf8 = new TextEncoder();

/**
 * A body whose parts are made one at a time: each when the client has taken the one before.
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
        // The error is not passed on: Bun would print it, and the driver's error has the statement with its values.
        controller.error();
      }
    },
    async cancel() {
      gone = true;
      await parts.return?.();
    },
  };
  // By default a stream makes its next part before the client asks for it.
  return new ReadableStream(body, { highWaterMark: 0 });
}

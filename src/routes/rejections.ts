/** Rejected rows with their reasons: listed, replayed and discarded (docs/rejections.md). */
import { Hono, type TypedResponse } from "hono";
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import type { Table } from "../codecs/tables.ts";
import { REJECTION_STATES } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { requires } from "../http/auth.ts";
import { type BatchResponse, batchAnswer, batchAnswers, Reason } from "../http/batch-answer.ts";
import { bodyToWrite, bytesOf, jsonBody } from "../http/body.ts";
import { databaseAllows } from "../http/database-allows.ts";
import { describe, type Examples, json, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { answerOnce, IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import { answerListing } from "../http/listing.ts";
import { negotiate } from "../http/negotiate.ts";
import { JSON_TYPE } from "../http/problem.ts";
import { type Lines, linesOf } from "../http/stream.ts";
import { noQuery, validate } from "../http/validate.ts";
import { discardRejections, openRejections, replay } from "../ingest/replay.ts";
import { sheetCells, sheetHeader } from "../read/corrections/rejection-sheet.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { findRejection, listRejections, type RejectionRecord } from "../repositories/rejection-log.ts";
import { sentRow, type WriteLimits } from "./insert.ts";
import { RejectionPath, rejectionQuery } from "./rejection-query.ts";
import { EXAMPLE_RUN } from "./runs.ts";

const Rejection = z
  .strictObject({
    id: z.int(),
    run: z.uuid(),
    table: z.string(),
    file: z.string().exactOptional(),
    position: z.int().min(0).meta({ description: "The line in a file, or the index from 0 in a request" }),
    raw: z.string().exactOptional().meta({ description: "The row as it arrived, its first 64 KiB" }),
    raw_base64: z.string().exactOptional().meta({ description: "Instead of `raw`, if the bytes are not UTF-8" }),
    columns: z
      .array(z.string())
      .exactOptional()
      .meta({ description: "The columns of the CSV record, in the order of its cells" }),
    recipe: z
      .looseObject({})
      .exactOptional()
      .meta({ description: "How `raw` is read, if not by the strict default: parts of its file's recipe" }),
    reasons: z.array(Reason),
    state: z.enum(REJECTION_STATES),
    replaces: z.int().exactOptional().meta({ description: "The earlier rejection whose replay was rejected again" }),
    created_at: z.iso.datetime(),
  })
  .meta({ id: "Rejection" }) satisfies z.ZodType<RejectionRecord>;
type Rejection = z.infer<typeof Rejection>;

const rejectionId = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const ReplayBody = z.union(
  [
    z.strictObject({ rows: z.array(z.strictObject({ id: rejectionId, row: z.unknown() })).min(1, "must have a row") }),
    z.strictObject({ run: z.uuid() }),
  ],
  { error: 'must be {"rows": [{"id": 7, "row": {...}}]} or {"run": ID}' },
);
const DiscardBody = z.strictObject({
  ids: z
    .array(rejectionId)
    .min(1, "must have an id")
    .max(ROWS_PER_REQUEST_MAX, `must have ${ROWS_PER_REQUEST_MAX} ids at most`),
});

/** The example row is for the last table: parents come before their children, so it is likely to have references. */
const replays = ({ tables }: Dictionary): Examples => ({
  run: { summary: "All open rejections of a run, unchanged", value: { run: EXAMPLE_RUN }, status: 201 },
  rows: { summary: "Mended rows", value: { rows: [{ id: 1, row: sentRow(tables.at(-1) ?? tables[0]) }] }, status: 201 },
});
const DISCARDS: Examples = { ids: { summary: "By their ids", value: { ids: [1] }, status: 200 } };

const tags = ["rejections"];
const LIST = describe({
  ...{ tags, summary: "Rejected rows, and why they were rejected" },
  description:
    "With `table` and `spreadsheet=true` each field of the table has its own column: mend the cells, and replay the file.",
  answers: { 200: lines("Rejections, by id", Rejection, "Link"), ...problems(406, 503) },
});
const ONE = describe({
  ...{ tags, summary: "One rejection" },
  answers: { 200: json("The rejection", Rejection), ...problems(404, 406, 503) },
});
const describeReplay = (dictionary: Dictionary) =>
  describe({
    ...{ tags, summary: "Try rejected rows again, mended or unchanged", requestHeaders: [IDEMPOTENCY_KEY] },
    description: "A row that is rejected again becomes a new open rejection. Its `replaces` names the old one.",
    answers: { ...batchAnswers(dictionary, "Idempotent-Replayed"), ...problems(404, 409, 503) },
  });
const DISCARD = describe({
  ...{ tags, summary: "Give up rejected rows for good", requestHeaders: [IDEMPOTENCY_KEY] },
  answers: {
    200: json("How many were discarded", z.strictObject({ discarded: z.int() }), "Idempotent-Replayed"),
    ...problems(404, 409, 422, 503),
  },
});

/** @param pages the same database for reading: its queries have a time limit */
export function rejectionRoutes(database: MusterDatabase, pages: MusterDatabase, limits: WriteLimits) {
  const { dictionary } = database;
  const { inFlight, bodyBytesMax, msMax } = limits;
  const body = [...bodyToWrite(inFlight, database.writers, bodyBytesMax), jsonBody(inFlight)] as const;
  const checks = [requires("writer"), databaseAllows(database, "insert"), ...body, noQuery] as const;
  return new Hono<Env>()
    .post(
      "/rejections/replay",
      describeReplay(dictionary),
      ...checks,
      validate("json", ReplayBody, replays(dictionary)),
      async (c) => {
        const asked = c.req.valid("json");
        // Rows are taken from the body's text: the validator's values lack repeated keys and the original spelling.
        const text = c.get("json");
        return answerOnce<BatchResponse>(c, { database, body: bytesOf(c), msMax }, async (connection) => {
          if ("run" in asked) {
            const { corrections, remaining } = await openRejections(connection, asked.run);
            const request = { corrections, source: `run ${asked.run}`, pointer: () => "/run" };
            const { rows, outcome } = await replay(database, connection, request);
            const answer = batchAnswer(c, rows, outcome, { strict: false });
            return { ...answer, body: { ...answer.body, remaining } };
          }
          // If an entry has only an id and no row, the rejected row is replayed unchanged.
          const corrections = asked.rows.map(({ id, row }, index) =>
            row === undefined ? { id } : { id, row: text.source(["rows", index, "row"]) },
          );
          const source = `${c.req.method} ${c.req.path}`;
          const pointer = (index: number) => `/rows/${index}`;
          const { rows, outcome } = await replay(database, connection, { corrections, source, pointer });
          return batchAnswer(c, rows, outcome, { strict: false });
        });
      },
    )
    .post("/rejections/discard", DISCARD, ...checks, validate("json", DiscardBody, DISCARDS), async (c) => {
      const { ids } = c.req.valid("json");
      type Discarded = TypedResponse<{ discarded: number }, 200, "json">;
      return answerOnce<Discarded>(c, { database, body: bytesOf(c), msMax }, async (connection) => {
        await discardRejections(connection, ids);
        return { status: 200, headers: JSON_TYPE, body: { discarded: new Set(ids).size } };
      });
    })
    .get("/rejections", LIST, validate("query", rejectionQuery(dictionary)), async (c) => {
      const { limit, cursor, spreadsheet, ...filter } = c.req.valid("query");
      const table = spreadsheet && filter.table ? dictionary.of(filter.table) : undefined;
      return answerListing(c, table ? sheetOf(table) : EXPORT, {
        async read(limit, after) {
          const found = await listRejections(pages.db, { ...filter, limit, after });
          return table
            ? Promise.all(found.map(async (each) => ({ ...each, cells: await sheetCells([table], each) })))
            : found;
        },
        keyOf: (rejection) => rejection.id,
        pageRows: PAGE_ROWS,
        after: cursor,
        ...{ limit, spreadsheet },
      });
    })
    .get("/rejections/:id", ONE, validate("param", RejectionPath), noQuery, async (c) => {
      const { id } = c.req.valid("param");
      negotiate(c, ["application/json"]);
      const rejection: Rejection | undefined = await findRejection(pages.db, id);
      if (!rejection) throw new MusterError("not_found", `there is no rejection ${id}`);
      return c.json(rejection, 200);
    });
}

/** The most rejections that one query of a stream reads. Each may have 64 KiB of raw input. */
const PAGE_ROWS = 100;

const CELLS = linesOf<Omit<RejectionRecord, "columns"> & { columns: string | undefined }>(Rejection);

type Exported = RejectionRecord & { cells?: readonly unknown[] };

/** `GET /rejections` as CSV. A person corrects the rows in it. A replay of the file reads only the columns `id` and `raw`. */
const EXPORT: Lines<Exported, Rejection> = {
  header: CELLS.header,
  cells: ({ columns, ...rest }) => CELLS.cells({ ...rest, columns: columns?.join(",") }),
  toJson: (rejection) => rejection,
};

/** The same for a spreadsheet program, with a column for each field of the table. */
const sheetOf = (table: Table): Lines<Exported, Rejection> => ({
  header: sheetHeader([table]),
  cells: ({ cells = [] }) => cells,
  toJson: (rejection) => rejection,
});

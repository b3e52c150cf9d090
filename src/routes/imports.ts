/** `POST /imports`: a file of any size. The service stores the body, begins a run, and answers. Then the import goes on. */
import { type Context, Hono } from "hono";
import type { Logger } from "pino";
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import type { Table, TableName } from "../codecs/tables.ts";
import { retried, WORTH_ANOTHER_TRY } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import { requires } from "../http/auth.ts";
import { codingOf, mediaTypeOf } from "../http/body.ts";
import { databaseAllows } from "../http/database-allows.ts";
import { type Content, describe, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { IDEMPOTENCY_KEY, oncePerKey } from "../http/idempotency.ts";
import { logFailure } from "../http/log.ts";
import { Refusal } from "../http/problem.ts";
import { recipeOf } from "../http/recipe-query.ts";
import { IMPORTS_MAX, type WorkUnderWay } from "../http/under-way.ts";
import { bodyOf, tooMany, Uploads } from "../http/upload.ts";
import { parameter, validate } from "../http/validate.ts";
import { countsText, whollyRejected } from "../ingest/counts.ts";
import { beginImport, type ImportOutcome } from "../ingest/import.ts";
import { type RejectLimit, rejectLimit } from "../ingest/reject-limit.ts";
import type { ImportLimits } from "../limits.ts";
import { type FileReader, MEDIA_TYPES, type MediaType, readerOfBody } from "../read/formats/file-formats.ts";
import { CODINGS, type Packing, packingOfCoding } from "../read/formats/packings.ts";
import type { FileRecipe, FormatName } from "../read/recipes/recipe.ts";
import { RECIPE_PARAMETERS } from "../read/recipes/recipe-options.ts";
import { oneFile, type Source } from "../read/sources/source.ts";
import { type Spool, spool, tooLarge } from "../read/sources/spool.ts";
import type { BegunRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { findRun, type RunRecord } from "../repositories/run-log.ts";
import { csvExample, isStrict, PREFER } from "./insert.ts";
import { Run } from "./runs.ts";

const NAME_LENGTH_MAX = 255;
/** How long a request waits for a place after its body has arrived. */
const PLACE_MS_MAX = 30_000;

/** What the client calls its file. It is only shown, and never used as a path. */
export const fileName = parameter
  .regex(/^\P{Cc}+$/u, "must have no control characters")
  .max(NAME_LENGTH_MAX, `must have 1 to ${NAME_LENGTH_MAX} characters`)
  .optional();

export const tableParameter = ({ names }: Dictionary) =>
  z.enum(names, { error: `must be given once, and be one of ${names.join(", ")}` });

const importQuery = (dictionary: Dictionary) =>
  z.strictObject({
    table: tableParameter(dictionary),
    name: fileName,
    dry_run: z.enum(["true", "false"], { error: "must be true or false" }).default("false"),
    max_rejects: parameter
      .refine((text) => rejectLimit(text) !== undefined, "must be a number of rows, or a share from 0% to 100%")
      .transform(rejectLimit)
      .optional(),
    ...RECIPE_PARAMETERS,
  });

const describeImport = (dictionary: Dictionary) =>
  describe({
    ...{ tags: ["imports"], summary: "Import a file of any size into a table. The run goes on after the answer" },
    description: `\`/runs/ID/events\` follows the run. The body may be packed: \`Content-Encoding\` is one of ${CODINGS.join(", ")}.`,
    requestHeaders: [PREFER, IDEMPOTENCY_KEY],
    body: fileBody(dictionary, 202),
    answers: {
      202: json("The run, which has begun", Run, "Location", "Preference-Applied", "Idempotent-Replayed"),
      ...problems(400, 408, 409, 413, 415, 422, 503),
    },
  });

/** A file in any format. @param status of the answer to the example */
export function fileBody({ tables }: Dictionary, status: number): Record<string, Content> {
  // A table without references, so that the example's row has no missing parent.
  const table = tables.find(({ references }) => references.length === 0) ?? tables[0];
  return {
    "text/csv": {
      schema: z.string().min(1),
      examples: { file: { summary: `A file of ${table.name}`, value: csvExample(table), status } },
    },
    "text/tab-separated-values": { schema: z.string().min(1) },
    "application/x-ndjson": { schema: z.string().min(1) },
    "application/json": { schema: z.array(z.unknown()) },
    "application/avro": { schema: z.unknown() },
    "application/vnd.apache.parquet": { schema: z.unknown() },
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": { schema: z.unknown() },
    "application/zip": { schema: z.unknown() },
  };
}

interface ImportDependencies {
  database: MusterDatabase;
  work: WorkUnderWay;
  log: Logger;
  limits: ImportLimits;
  /** Milliseconds that the run may take to begin. After that the answer is 503. */
  msMax: number;
}

export function importRoutes({ database, work, log, limits, msMax }: ImportDependencies) {
  const { dictionary } = database;
  const uploads = new Uploads(limits);
  const { bytesMax } = limits;
  const say = (line: string) => log.info(line);
  const once = oncePerKey(database, say);
  const checks = [
    requires("writer"),
    databaseAllows(database, "import"),
    validate("query", importQuery(dictionary)),
  ] as const;
  return new Hono<Env>().post("/imports", describeImport(dictionary), ...checks, async (c) => {
    const query = c.req.valid("query");
    const recipe = recipeOf(query);
    const reader = readerFor(c, recipe?.format, bytesMax);
    if (Number(c.req.header("Content-Length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
    const isAllOrNothing = isStrict(c.req.header("Prefer"));
    await using held = new AsyncDisposableStack();
    // enter() below checks this too. Here the check saves the client from sending its whole body for nothing.
    if (work.imports.isFull) throw allPlacesTaken();
    const upload = held.use(uploads.begin());
    const body = held.use(await spool(bodyOf(c, upload, limits, work.stopping), bytesMax));
    if (body.bytes === 0) throw new Refusal(400, "the body is empty: send the rows as a file");
    const place = await work.enter([work.imports, database.longRuns], c.req.raw.signal, PLACE_MS_MAX);
    if (!place) throw allPlacesTaken();
    held.use(place);
    const maxRejects = isAllOrNothing ? { rows: 0 } : query.max_rejects;
    const options = {
      source: sourceOf({ table: dictionary.of(query.table), name: query.name }, body, reader, recipe),
      dryRun: query.dry_run === "true",
      maxRejects,
      rejectsKept: rejectsKept(maxRejects, limits.rejectsMax),
      hasPlace: true,
      report: { say, signal: work.stopping },
    };
    const beginning = once<Begun>(c, body.digest, {
      run: async (begin) => {
        const begun = await retried(WORTH_ANOTHER_TRY, () => beginImport(database, { ...options, begin }));
        return { begun, record: await recordOf(database, begun) };
      },
      again: (record) => ({ record }),
      answersEarly: true,
    });
    const { record }: { record: Run } = await work.goOn(beginning, {
      ...{ msMax, held },
      finish: (begun) => finish(begun, query.table, log),
    });
    const preference = `handling=${isAllOrNothing ? "strict" : "lenient"}`;
    return c.json(record, 202, { Location: `/runs/${record.id}`, "Preference-Applied": preference });
  });
}

interface Begun {
  record: RunRecord;
  /** Missing if an earlier request with the same Idempotency-Key began the run. */
  begun?: BegunRun<ImportOutcome>;
}

/** The record of a run that has begun. If it cannot be read, ends the run. */
async function recordOf({ db }: MusterDatabase, { run, abandon }: BegunRun): Promise<RunRecord> {
  try {
    const record = await findRun(db, run);
    if (!record) throw new MusterError("not_found", `there is no run ${run}`);
    return record;
  } catch (error) {
    await abandon(error);
    throw error;
  }
}

/** The reader for the body's type and coding. @throws Refusal 415 */
function readerFor(c: Context<Env>, format: FormatName | undefined, bytesMax: number): FileReader {
  const { type, packing } = fileTypeOf(c);
  return readerOfBody(type, { packing, format, bytesMax });
}

/** What a request says about the file in its body. @throws Refusal 415 */
export function fileTypeOf(c: Context<Env>): { type: MediaType; packing: Packing | undefined } {
  const coding = codingOf(c);
  const type = mediaTypeOf(c, MEDIA_TYPES, [coding]);
  const packing = packingOfCoding(coding);
  if (packing || coding === "identity") return { type, packing };
  // RFC 9110, section 15.5.16: if the coding is at fault, Accept-Encoding lists the codings that are accepted.
  const advice = `use one of ${CODINGS.join(", ")}, or none`;
  throw new Refusal(415, `the Content-Encoding ${coding} is not accepted here: ${advice}`, {
    headers: { "Accept-Encoding": CODINGS.join(", ") },
  });
}

const allPlacesTaken = () => tooMany(`${IMPORTS_MAX} imports are under way, the most this process takes`);

/**
 * How many rejections are kept: `most`, or the client's max_rejects if that is a greater number of rows. If max_rejects is a
 * share, nobody knows yet how many rows that is, so it is `most`.
 */
const rejectsKept = (asked: RejectLimit | undefined, most: number) =>
  asked && "rows" in asked ? Math.max(asked.rows, most) : most;

/**
 * The source of the import. The client may name it; otherwise the digest of its bytes is its name. A later import of a source
 * with the same name supersedes the rejections of this one.
 */
function sourceOf(
  { table, name }: { table: Table; name?: string | undefined },
  body: Spool,
  { read, ending }: FileReader,
  recipe: FileRecipe | undefined,
): Source {
  const file = { name: name ?? `${table.name}${ending}`, bytes: body.bytes, open: body.read, read, recipe };
  return oneFile(`upload:${name ?? `sha256:${body.digest.toString("hex")}`}`, table, file);
}

/** Carries out the import, and logs how it ended. Clients see that from the run. */
async function finish(begun: BegunRun<ImportOutcome>, table: TableName, log: Logger): Promise<void> {
  const { run } = begun;
  const subject = `import ${run} of ${table}`;
  try {
    const { status, error, tables } = await begun.finish();
    const done = whollyRejected(tables).length > 0 ? "every row was rejected" : countsText(tables);
    log.info({ run, table, counts: tables[table] }, `${subject} ${status}: ${error ?? done}`);
  } catch (error) {
    logFailure(log, { run, table }, subject, error);
  }
}

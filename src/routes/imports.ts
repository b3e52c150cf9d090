/** Files of any size over REST (design section 4): the body is kept, the run begun and answered, and the import goes on. */
import { type Context, Hono, type TypedResponse } from "hono";
import type { Logger } from "pino";
import { z } from "zod";
import { csvHeader, toCsv } from "../codecs/csv.ts";
import { exampleRow } from "../codecs/example.ts";
import { type TableName, tableNames, tableOf, tables } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import { able } from "../http/able.ts";
import { requires } from "../http/auth.ts";
import { codingOf, mediaTypeOf } from "../http/body.ts";
import { type Description, describe, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { answerOnce, IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import { loggable } from "../http/log.ts";
import { JSON_TYPE, Refusal } from "../http/problem.ts";
import { bodyOf, tooMany, Uploads } from "../http/upload.ts";
import { parameter, validate } from "../http/validate.ts";
import { countsText, whollyRejected } from "../ingest/counts.ts";
import { type BegunImport, beginImport } from "../ingest/import.ts";
import { type RejectLimit, rejectLimit } from "../ingest/reject-limit.ts";
import { IMPORTS_MAX, type ImportsUnderWay } from "../ingest/under-way.ts";
import type { ImportLimits } from "../limits.ts";
import { formOfBody, MEDIA_TYPES } from "../read/file-formats.ts";
import { oneFile, type Source } from "../read/source.ts";
import { type Spool, spool, tooLarge } from "../read/spool.ts";
import { findRun } from "../repositories/run-log.ts";
import { isStrict } from "./insert.ts";
import { NEW_ID, PREFER } from "./insert-description.ts";
import { Run } from "./runs.ts";

const NAME_LENGTH_MAX = 255;

const ImportQuery = z.strictObject({
  table: z.enum(tableNames, { error: `must be given once, and be one of ${tableNames.join(", ")}` }),
  name: parameter
    .regex(/^\P{Cc}+$/u, "must have no control characters")
    .max(NAME_LENGTH_MAX, `must have 1 to ${NAME_LENGTH_MAX} characters`)
    .optional(),
  dry_run: z.enum(["true", "false"], { error: "must be true or false" }).default("false"),
  max_rejects: parameter
    .refine((text) => rejectLimit(text) !== undefined, "must be a number of rows, or a share from 0% to 100%")
    .transform(rejectLimit)
    .optional(),
});

export interface ImportDependencies {
  database: Database;
  imports: ImportsUnderWay;
  log: Logger;
  limits: ImportLimits;
  /** For beginning the run. */
  msMax: number;
}

export function importRoutes({ database, imports, log, limits, msMax }: ImportDependencies) {
  const uploads = new Uploads(limits);
  const { bytesMax } = limits;
  const checks = [
    describe(IMPORT),
    requires("writer"),
    able(database, "import"),
    validate("query", ImportQuery),
  ] as const;
  return new Hono<Env>().post("/imports", ...checks, async (c) => {
    const query = c.req.valid("query");
    const form = formOf(c, bytesMax);
    if (Number(c.req.header("Content-Length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
    const isAllOrNothing = isStrict(c.req.header("Prefer"));
    await using held = new AsyncDisposableStack();
    // Said before the body comes, and all is sent in vain.
    if (imports.isFull) throw allPlacesTaken();
    const upload = held.use(uploads.begin());
    const body = held.use(await spool(bodyOf(c, upload, limits, imports.stopping), bytesMax));
    if (body.bytes === 0) throw new Refusal(400, "the body is empty: send the rows, in CSV, NDJSON or Avro");
    const place = await imports.enter(database.longRuns, c.req.raw.signal);
    if (!place) throw allPlacesTaken();
    held.use(place);
    const maxRejects = isAllOrNothing ? { rows: 0 } : query.max_rejects;
    const options = {
      source: sourceOf(query, body, form),
      dryRun: query.dry_run === "true",
      maxRejects,
      rejectsKept: rejectsKept(maxRejects, limits.rejectsMax),
      hasPlace: true,
      report: { say: (line: string) => log.info(line), signal: imports.stopping },
    };
    let beginning: Promise<BegunImport> | undefined;
    try {
      const answer = await answerOnce<TypedResponse<Run, 202, "json">>(
        c,
        { database, body: body.digest, msMax, use: "import" },
        async () => {
          beginning ??= beginImport(database, options).catch((error) => {
            beginning = undefined;
            throw error;
          });
          const { run } = await beginning;
          return {
            status: 202,
            headers: { ...JSON_TYPE, Location: `/runs/${run}` },
            body: await findRun(database.db, run),
          };
        },
      );
      answer.headers.set("Preference-Applied", `handling=${isAllOrNothing ? "strict" : "lenient"}`);
      // In a cluster the same request may have been first elsewhere.
      const isReplay = answer.headers.has("Idempotent-Replayed");
      const begun = await beginning;
      if (begun && !isReplay) imports.launch(finish(begun, query.table, held.move(), log));
      else await begun?.abandon(new MusterError("conflict", "another run has its Idempotency-Key"));
      return answer;
    } catch (error) {
      // The request may have been given up before its run was begun.
      if (beginning) imports.launch(abandon(beginning, error, held.move()));
      throw error;
    }
  });
}

const table = tables.find(({ references }) => references.length === 0) ?? tableOf(tableNames[0]);
const IMPORT: Description = {
  ...{ tags: ["imports"], summary: "Import a file of a table, of any size: the run goes on after the answer" },
  description: "`/runs/ID/events` follows it. `Content-Encoding: gzip` is taken of CSV and NDJSON.",
  parameters: [PREFER, IDEMPOTENCY_KEY],
  body: {
    "text/csv": {
      schema: z.string().min(1),
      examples: {
        file: {
          summary: `A file of ${table.name}`,
          value: csvHeader(table) + toCsv(table, exampleRow(table, NEW_ID)),
          status: 202,
        },
      },
    },
    "application/x-ndjson": { schema: z.string().min(1) },
    "application/avro": { schema: z.unknown() },
  },
  answers: {
    202: json("The run, which has begun", Run, "Location", "Preference-Applied", "Idempotent-Replayed"),
    ...problems(400, 408, 409, 413, 415, 422, 503),
  },
};

/** How the body's rows are read. @throws Refusal 415 */
function formOf(c: Context<Env>, bytesMax: number): NonNullable<ReturnType<typeof formOfBody>> {
  const coding = codingOf(c);
  const type = mediaTypeOf(c, MEDIA_TYPES, [coding]);
  const form = ["identity", "gzip", "x-gzip"].includes(coding) && formOfBody(type, coding !== "identity", bytesMax);
  if (form) return form;
  // RFC 9110, section 15.5.16.
  const headers = { "Accept-Encoding": formOfBody(type, true) ? "gzip" : "identity" };
  throw new Refusal(415, `${type} with the Content-Encoding ${coding} is not taken`, { headers });
}

const allPlacesTaken = () => tooMany(`${IMPORTS_MAX} imports are under way`);

/** A client that allows more by a number gets more; a share is no bound. */
const rejectsKept = (asked: RejectLimit | undefined, most: number) =>
  asked && "rows" in asked ? Math.max(asked.rows, most) : most;

/** A later import of the same source supersedes the rejections of an earlier one: the same bytes, or what the client calls the same. */
function sourceOf(
  { table, name }: { table: TableName; name?: string | undefined },
  body: Spool,
  form: ReturnType<typeof formOf>,
): Source {
  const { read, ending } = form;
  const file = { name: name ?? `${table}${ending}`, bytes: body.bytes, open: body.read, read };
  return oneFile(`upload:${name ?? `sha256:${body.digest.toString("hex")}`}`, table, file);
}

/** Ends a run because of an error, as soon as it has begun; what it held is given back then. */
async function abandon(beginning: Promise<BegunImport>, error: unknown, held: AsyncDisposableStack): Promise<void> {
  await using _ = held;
  const begun = await beginning.catch(() => undefined);
  await begun?.abandon(error);
}

/** Carries the import out. How it ends is in its run; what it held is given back. */
async function finish(begun: BegunImport, table: TableName, held: AsyncDisposableStack, log: Logger): Promise<void> {
  await using _ = held;
  const { run } = begun;
  const subject = `import ${run} of ${table}`;
  try {
    const { status, error, tables } = await begun.finish();
    const done = whollyRejected(tables).length > 0 ? "every row was rejected" : countsText(tables);
    log.info({ run, table, counts: tables[table] }, `${subject} ${status}: ${error ?? done}`);
  } catch (error) {
    if (error instanceof MusterError) log.warn({ run, table }, `${subject} failed: ${error.message}`);
    else log.error({ run, table, error: loggable(error) }, `${subject} failed: an error inside Muster`);
  }
}

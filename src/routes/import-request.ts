/** A request that imports a file, whichever route takes it. The service stores the body, begins a run, and answers. Then the import goes on. */
import type { Context } from "hono";
import type { Logger } from "pino";
import type { Table, TableName } from "../codecs/tables.ts";
import { retried, WORTH_ANOTHER_TRY } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import { requires } from "../http/auth.ts";
import { databaseAllows } from "../http/database-allows.ts";
import type { Env } from "../http/env.ts";
import { oncePerKey } from "../http/idempotency.ts";
import { logFailure } from "../http/log.ts";
import { Refusal } from "../http/problem.ts";
import { recipeOf } from "../http/recipe-query.ts";
import { IMPORTS_MAX, type WorkUnderWay } from "../http/under-way.ts";
import { bodyOf, tooMany, Uploads } from "../http/upload.ts";
import { validate } from "../http/validate.ts";
import { countsText, whollyRejected } from "../ingest/counts.ts";
import { beginImport, type ImportOutcome } from "../ingest/import.ts";
import type { RejectLimit } from "../ingest/reject-limit.ts";
import type { ImportLimits } from "../limits.ts";
import { type FileReader, readerOfBody } from "../read/formats/file-formats.ts";
import type { FileRecipe, FormatName } from "../read/recipes/recipe.ts";
import { oneFile, type Source } from "../read/sources/source.ts";
import { type Spool, spool, tooLarge } from "../read/sources/spool.ts";
import type { BegunRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { findRun, type RunRecord } from "../repositories/run-log.ts";
import { fileTypeOf, type ImportQuery, importQuery } from "./import-query.ts";
import { isStrict } from "./insert.ts";
import type { Run } from "./runs.ts";

/** How long a request waits until a place is free, before its body is read. */
const FREE_MS_MAX = 2_000;
/** How long a request waits for a place after its body has arrived. */
const PLACE_MS_MAX = 30_000;

interface ImportDependencies {
  database: MusterDatabase;
  work: WorkUnderWay;
  log: Logger;
  limits: ImportLimits;
  /** Milliseconds that the run may take to begin. After that the answer is 503. */
  msMax: number;
}

/** Begins imports. One is shared by all routes that import, because it counts the bodies that they hold. */
export class ImportRequests {
  readonly #uploads: Uploads;
  readonly #once: ReturnType<typeof oncePerKey>;

  constructor(private readonly dependencies: ImportDependencies) {
    const { database, limits, log } = dependencies;
    this.#uploads = new Uploads(limits);
    this.#once = oncePerKey(database, (line) => log.info(line));
  }

  /** What a route must check before it calls `begin`. */
  checks() {
    const { database } = this.dependencies;
    return [
      requires("writer"),
      databaseAllows(database, "import"),
      validate("query", importQuery(database.dictionary)),
    ] as const;
  }

  /** Answers 202 with the run, as soon as it has begun. */
  async begin(c: Context<Env>, query: ImportQuery) {
    const { database, work, log, limits, msMax } = this.dependencies;
    const { bytesMax } = limits;
    const recipe = recipeOf(query);
    const reader = readerFor(c, recipe?.format, bytesMax);
    if (Number(c.req.header("Content-Length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
    const isAllOrNothing = isStrict(c.req.header("Prefer"));
    await using held = new AsyncDisposableStack();
    // enter() below checks this too. Here the check saves the client from sending its whole body for nothing. It waits a little,
    // because a run that has ended keeps its place until its stages are dropped.
    const free = await work.enter([work.imports], c.req.raw.signal, FREE_MS_MAX);
    if (!free) throw allPlacesTaken();
    free[Symbol.dispose]();
    const upload = held.use(this.#uploads.begin());
    const body = held.use(await spool(bodyOf(c, upload, limits, work.stopping), bytesMax));
    if (body.bytes === 0) throw new Refusal(400, "the body is empty: send the rows as a file");
    const place = await work.enter([work.imports, database.longRuns], c.req.raw.signal, PLACE_MS_MAX);
    if (!place) throw allPlacesTaken();
    held.use(place);
    const maxRejects = isAllOrNothing ? { rows: 0 } : query.max_rejects;
    const options = {
      source: sourceOf({ table: database.dictionary.of(query.table), name: query.name }, body, reader, recipe),
      dryRun: query.dry_run === "true",
      maxRejects,
      rejectsKept: rejectsKept(maxRejects, limits.rejectsMax),
      hasPlace: true,
      report: { say: (line: string) => log.info(line), signal: work.stopping },
    };
    const beginning = this.#once<Begun>(c, body.digest, {
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
  }
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

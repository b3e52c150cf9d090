/** `POST /inspect`: what a file is and how it would be read, by its first part. Nothing is stored, and no run is recorded. */
import { Hono } from "hono";
import { z } from "zod";
import type { Dictionary } from "../codecs/dictionary.ts";
import { REASON_CODES } from "../db/ledger.ts";
import { bytesOf, takeBody } from "../http/body.ts";
import { describe, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import type { InFlight } from "../http/in-flight.ts";
import { Refusal } from "../http/problem.ts";
import { recipeOf } from "../http/recipe-query.ts";
import { validate } from "../http/validate.ts";
import type { FileInspection } from "../ingest/inspect-file.ts";
import { InspectedIds } from "../ingest/inspect-rows.ts";
import { inspectBody } from "../ingest/inspect-source.ts";
import { formatOfType, isZipType } from "../read/formats/file-formats.ts";
import { RECIPE_PARAMETERS } from "../read/recipes/recipe-options.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { fileName, fileTypeOf, tableParameter } from "./import-query.ts";
import { fileBody } from "./imports.ts";

/** How many bytes of a file may be sent. */
export const INSPECTED_BYTES_MAX = 1024 * 1024;

const inspectQuery = (dictionary: Dictionary) =>
  z.strictObject({
    table: tableParameter(dictionary).optional(),
    name: fileName,
    complete: z
      .enum(["true", "false"], { error: "must be true or false" })
      .default("false")
      .meta({ description: "Whether the body is the whole file. If not, its last line is left out: it may be cut" }),
    ...RECIPE_PARAMETERS,
  });

const rows = z.int().min(0);
const recipe = z.record(z.string(), z.unknown());
const Reason = z.strictObject({
  code: z.enum(REASON_CODES),
  field: z.string().exactOptional(),
  detail: z.string(),
});

const inspectionOf = ({ names }: Dictionary) =>
  z
    .strictObject({
      name: z.string(),
      table: z.enum(names).nullable().meta({ description: "Known or proposed; null if it is neither" }),
      found: z.array(
        z.strictObject({
          ...{ part: z.string(), is: z.string(), evidence: z.string() },
          doubt: z.string().exactOptional().meta({ description: "Why a person must decide" }),
          choices: z.array(z.string()).exactOptional().meta({ description: "Options of import that decide it" }),
          parameters: z
            .array(z.string())
            .exactOptional()
            .meta({ description: "The same as parameters of POST /imports" }),
        }),
      ),
      columns: z.array(z.strictObject({ name: z.string(), column: z.string().nullable() })),
      rows: z
        .array(
          z.strictObject({
            position: rows,
            status: z.enum(["inserted", "unchanged", "rejected"]),
            row: z.record(z.string(), z.unknown()).exactOptional(),
            raw: z.string().exactOptional(),
            reasons: z.array(Reason).exactOptional(),
          }),
        )
        .meta({ description: "The first rows as they would be stored, with their verdicts" }),
      counts: z
        .strictObject({ read: rows, inserted: rows, unchanged: rows, rejected: rows })
        .meta({ description: "How many of the first 1,000 rows would be inserted, unchanged or rejected" }),
      reasons: z.array(z.strictObject({ ...Reason.shape, rows })),
      proposed: recipe.meta({ description: "The parts of a recipe by which the rows were read" }),
      certain: recipe.meta({ description: "The same without what is doubtful" }),
      flags: z.string().nullable().meta({ description: "Options of import that say what is proposed" }),
      parameters: z.string().nullable().meta({ description: "The same as parameters of POST /imports" }),
      notes: z.array(z.string()),
      error: z.string().nullable().meta({ description: "Why the file cannot be read as proposed; null if it can" }),
    })
    .meta({ id: "Inspection" });

const describeInspect = (dictionary: Dictionary) =>
  describe({
    ...{
      tags: ["imports"],
      summary: "Say what a file is and how it would be read, by its first part. Nothing is stored",
    },
    description: `The body is the first part of a file, up to ${INSPECTED_BYTES_MAX} bytes. It may be packed, as for \`POST /imports\`.`,
    body: fileBody(dictionary, 200),
    answers: { 200: json("What was found", inspectionOf(dictionary)), ...problems(400, 415, 503) },
  });

/** @param bytesMax how many bytes any body may have */
export function inspectRoutes(database: MusterDatabase, inFlight: InFlight, bytesMax: number) {
  const { dictionary } = database;
  const checks = [
    takeBody(inFlight, Math.min(INSPECTED_BYTES_MAX, bytesMax)),
    validate("query", inspectQuery(dictionary)),
  ] as const;
  return new Hono<Env>().post("/inspect", describeInspect(dictionary), ...checks, async (c) => {
    const query = c.req.valid("query");
    const given = recipeOf(query) ?? {};
    const { type, packing } = fileTypeOf(c);
    const bytes = bytesOf(c);
    if (bytes.length === 0) throw new Refusal(400, "the body is empty: send the first part of a file");
    const { name = "the body", table } = query;
    const file = {
      ...{ dictionary, name, bytes, given, table: table && dictionary.of(table), isCut: query.complete === "false" },
      as: { packing, isZip: isZipType(type), format: formatOfType(type) },
    };
    const inspection = await inspectBody(file, new InspectedIds(database.pool));
    return c.json(answered(inspection), 200);
  });
}

function answered({
  error = null,
  ...inspection
}: Omit<FileInspection, "error"> & { error?: string | null | undefined }) {
  return { ...inspection, error } as z.infer<ReturnType<typeof inspectionOf>>;
}

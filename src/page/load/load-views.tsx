/** @jsxImportSource hono/jsx */
/** `/page/load`: choose a file, see what it is, decide what is doubtful, try it by a dry run, import it. */
import { type Context, Hono } from "hono";
import { requires } from "../../http/auth.ts";
import { bytesOf, takeBody } from "../../http/body.ts";
import type { Env } from "../../http/env.ts";
import { Refusal } from "../../http/problem.ts";
import { noQuery } from "../../http/validate.ts";
import { InspectedIds } from "../../ingest/inspect-rows.ts";
import { inspectBody } from "../../ingest/inspect-source.ts";
import { formatOfFile } from "../../read/formats/file-formats.ts";
import { readFields, type SentFields } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";
import { ChooseFile } from "./choose-file.tsx";
import { isAccepted } from "./doubts.tsx";
import { Inspected } from "./inspected.tsx";
import { CHOICE, chosenBy, LISTS, loadFields } from "./load-form.ts";

const HEAD = { title: "Load a file", view: "Load a file" } as const;

/** Room for the fields beside the file. */
const FIELD_BYTES_MAX = 256 * 1024;

export function loadViews({ frame, pages, inFlight, bodyBytesMax, imports }: PageDependencies) {
  const { dictionary } = pages;
  const schema = loadFields(dictionary);
  const form = takeBody(inFlight, bodyBytesMax + FIELD_BYTES_MAX);
  return new Hono<Env>()
    .get("/page/load", requires("writer"), noQuery, (c) =>
      frame.answer(c, HEAD, <ChooseFile wholeBytesMax={bodyBytesMax} tables={dictionary.names} />),
    )
    .post("/page/load/inspection", requires("writer"), form, noQuery, async (c) => {
      const { bytes, sent } = await sentForm(c);
      const fields = readFields(sent, schema);
      const { name = "file.csv" } = fields;
      const { table, given } = chosenBy(fields, dictionary);
      const isCut = fields.complete === "false";
      const isZoneLeft = isAccepted(fields.accepted, "zone");
      const part = { dictionary, name, bytes, isCut, isZoneLeft, as: formatOfFile(name) };
      const known = new InspectedIds(pages.pool);
      const inspection = await inspectBody({ ...part, given, table: table && dictionary.of(table) }, known);
      return frame.answer(c, HEAD, <Inspected {...{ inspection, given, fields, dictionary }} />);
    })
    .post("/page/imports", ...imports.checks(), (c) => imports.begin(c, c.req.valid("query")));
}

/** A form with a file. @throws Refusal 400, 415 */
async function sentForm(c: Context<Env>): Promise<{ bytes: Uint8Array; sent: SentFields }> {
  const type = c.req.header("Content-Type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) throw new Refusal(415, "send the form as multipart/form-data");
  const body = new Response(Buffer.from(bytesOf(c)), { headers: { "Content-Type": type } });
  const sent = await body.formData().catch(() => undefined);
  const file = sent?.get("file");
  if (!sent || !(file instanceof Blob)) throw new Refusal(400, "the form has no file: choose one");
  if (file.size === 0) throw new Refusal(400, "the file is empty: choose one with rows");
  return { bytes: await file.bytes(), sent: tidied(sent) };
}

/** Empty fields are left out, but in lists. Each doubt has radio buttons of its own name: all are choices. */
function* tidied(sent: Awaited<ReturnType<Response["formData"]>>): Generator<[name: string, value: unknown]> {
  for (const [field, value] of sent) {
    if (value === "" && !LISTS.includes(field)) continue;
    yield [field, value];
    if (field.startsWith(CHOICE)) yield ["choice", value];
  }
}

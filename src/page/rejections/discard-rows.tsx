/** @jsxImportSource hono/jsx */
/** Discarding rows: a page that asks, and the form that does it. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { requires } from "../../http/auth.ts";
import type { Env } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import { discardStep, nextStep } from "../../ingest/mend.ts";
import { ROWS_PER_REQUEST_MAX } from "../../read/request-rows.ts";
import { countSelected } from "../../repositories/rejection-groups.ts";
import { readForm } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { count, counted } from "../parts/quantities.ts";
import { redirectTo } from "../redirect.ts";
import { CauseName } from "./groups.tsx";
import { groupAddress, idsField, parametersOf, type Selection, selectionFields } from "./selection.ts";
import { checksToWrite } from "./write-checks.ts";

export function discardForms(dependencies: PageDependencies) {
  const { frame, database, pages, msMax } = dependencies;
  const fields = selectionFields(pages.dictionary);
  const Form = z.looseObject({
    ...fields,
    id: idsField,
    scope: z.enum(["rows", "group"], { error: "must be rows or group" }),
    sure: z.literal("yes").optional(),
  });

  const ask = (c: Context<Env>, question: QuestionProps) =>
    frame.answer(c, { title: "Discard rows", view: "Rejections" }, <Question {...question} />);

  return new Hono<Env>()
    .get("/page/rejections/discard", requires("writer"), validate("query", z.strictObject(fields)), async (c) => {
      const selection = c.req.valid("query");
      const { rows } = await countSelected(pages.db, selection);
      return ask(c, { selection, rows, ids: undefined });
    })
    .post("/page/rejections/discard", ...checksToWrite(dependencies), async (c) => {
      const { id: ids, scope, sure, table, cause, run } = readForm(c, Form);
      const selection = { table, cause, run };
      const chosen = scope === "rows" ? { table, ids } : selection;
      const step = await nextStep(pages, pages.dictionary.of(table), chosen, "discarded");
      if (sure === undefined) return ask(c, { selection, rows: step.corrections.length, ids });
      const discarded = await discardStep(database, step, msMax);
      return redirectTo(c, groupAddress(selection, { discarded }));
    });
}

interface QuestionProps {
  selection: Selection;
  rows: number;
  /** The rows that are chosen; undefined for the whole group. */
  ids: readonly number[] | undefined;
}

function Question({ selection, rows, ids }: QuestionProps) {
  const now = Math.min(rows, ROWS_PER_REQUEST_MAX);
  const named = counted(now, "row");
  return (
    <section class="card" aria-labelledby="discard">
      <h1 id="discard">
        Discard {named} of {selection.table}?
        <small>
          <CauseName cause={selection.cause} />
        </small>
      </h1>
      <p>
        They are closed for good: they cannot be mended or replayed any more. Their text stays in the log of rejections.
        {now < rows && ` The group has ${counted(rows, "row")}; one step discards the first ${count(now)}.`}
      </p>
      <form class="row" method="post" action="page/rejections/discard">
        <HiddenFields fields={{ ...parametersOf(selection), scope: ids ? "rows" : "group", id: ids, sure: "yes" }} />
        <button type="submit" class="danger" disabled={rows === 0}>
          Discard {named}
        </button>
        <a class="button" href={groupAddress(selection)}>
          Cancel
        </a>
      </form>
    </section>
  );
}

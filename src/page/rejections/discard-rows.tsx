/** @jsxImportSource hono/jsx */
/** Discarding rows: a page that asks, and the form that does it. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { requires } from "../../http/auth.ts";
import type { Env } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import { discardStep, nextStep, type Step } from "../../ingest/mend.ts";
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
    sure: z.literal("yes").optional(),
  });

  const ask = (c: Context<Env>, question: QuestionProps) =>
    frame.answer(c, { title: "Discard rows", view: "Rejections" }, <Question {...question} />);

  return new Hono<Env>()
    .get("/page/rejections/discard", requires("writer"), validate("query", z.strictObject(fields)), async (c) => {
      const selection = c.req.valid("query");
      const step = await nextStep(pages, pages.dictionary.of(selection.table), selection, "discarded");
      return ask(c, questionOf(selection, step));
    })
    .post("/page/rejections/discard", ...checksToWrite(dependencies), async (c) => {
      const { id: ids, sure, table, cause, run } = readForm(c, Form);
      const selection = { table, cause, run };
      const step = await nextStep(pages, pages.dictionary.of(table), { table, ids }, "discarded");
      if (sure === undefined) return ask(c, questionOf(selection, step));
      const discarded = await discardStep(database, step, msMax);
      return redirectTo(c, groupAddress(selection, { discarded }));
    });
}

interface QuestionProps {
  selection: Selection;
  /** The rows to discard. The form names them all: rows that come to the group meanwhile must stay open. */
  ids: readonly number[];
  /** How many rows of the group come after them. */
  remaining: number;
}

const questionOf = (selection: Selection, { corrections, remaining }: Step): QuestionProps => ({
  ...{ selection, remaining },
  ids: corrections.map(({ id }) => id),
});

function Question({ selection, ids, remaining }: QuestionProps) {
  const named = counted(ids.length, "row");
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
        {remaining > 0 &&
          ` The group has ${counted(ids.length + remaining, "row")}; one step discards the first ${count(ids.length)}.`}
      </p>
      <form class="row" method="post" action="page/rejections/discard">
        <HiddenFields fields={{ ...parametersOf(selection), id: ids, sure: "yes" }} />
        <button type="submit" class="danger" disabled={ids.length === 0}>
          Discard {named}
        </button>
        <a class="button" href={groupAddress(selection)}>
          Cancel
        </a>
      </form>
    </section>
  );
}

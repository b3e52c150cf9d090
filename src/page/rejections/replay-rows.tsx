/** @jsxImportSource hono/jsx */
/** The forms that judge an edited row, and that replay rows: those of the grid, or all of a group in steps. */
import { Hono } from "hono";
import { z } from "zod";
import type { Table } from "../../codecs/tables.ts";
import { SOURCE_LENGTH_MAX } from "../../db/ledger.ts";
import { MusterError } from "../../errors.ts";
import type { Env } from "../../http/env.ts";
import { type Chosen, CLOSED, nextStep, replayStep, type Step } from "../../ingest/mend.ts";
import { rehearseReplay } from "../../ingest/replay.ts";
import { listRejections } from "../../repositories/rejection-log.ts";
import { readForm } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";
import { redirectTo } from "../redirect.ts";
import { cellsIn, editedRows } from "./edited-rows.ts";
import { RUNS_MAX } from "./outcome.tsx";
import {
  groupAddress,
  idsField,
  progressFields,
  type RuleFields,
  ruleFields,
  ruleOf,
  ruleText,
  selectionFields,
} from "./selection.ts";
import { Verdict } from "./verdict.tsx";
import { checksToWrite } from "./write-checks.ts";

export function replayForms(dependencies: PageDependencies) {
  const { frame, database, pages, msMax } = dependencies;
  const Form = z.looseObject({
    ...selectionFields(pages.dictionary),
    ...ruleFields,
    ...progressFields,
    id: idsField,
    scope: z.enum(["rows", "group"], { error: "must be rows or group" }),
  });
  type Fields = z.output<typeof Form>;

  /** The step that a form asks for: the edited rows, and those that are chosen or next. */
  async function stepOf(table: Table, form: Fields): Promise<Step> {
    const rule = ruleOf(table, form);
    const { corrections, closed } = await editedRows(pages, table, rule ? new Map() : cellsIn(form));
    const cannot = closed.map((id) => ({ id, why: CLOSED }));
    const isEdited = new Set([...closed, ...corrections.map(({ id }) => id)]);
    const ids = form.id.filter((id) => !isEdited.has(id));
    if (form.scope === "rows" && isEdited.size > 0 && ids.length === 0)
      return { rejections: [], corrections, cannot, after: 0, upTo: 0, remaining: 0 };
    if (form.scope === "rows" && ids.length === 0)
      throw new MusterError("invalid", "nothing to replay: edit a cell, or choose a row");
    const chosen: Chosen = form.scope === "rows" ? { table: table.name, ids } : form;
    const step = await nextStep(pages, table, chosen, rule ?? "as they came");
    return { ...step, corrections: [...corrections, ...step.corrections], cannot: [...cannot, ...step.cannot] };
  }

  return new Hono<Env>()
    .post("/page/rejections/verdict", ...checksToWrite(dependencies), async (c) => {
      const [cells] = cellsIn(readForm(c, z.looseObject({})));
      if (!cells) throw new MusterError("invalid", "the form has no cell of a rejected row");
      const [id, texts] = cells;
      const [rejection] = await listRejections(pages.db, { ids: [id], limit: 1 });
      if (!rejection) throw new MusterError("not_found", `there is no rejection ${id}`);
      const table = pages.dictionary.of(rejection.table);
      const { corrections } = await editedRows(pages, table, new Map([[id, texts]]));
      const { rows } = await rehearseReplay(database, corrections.length > 0 ? corrections : [{ id }], msMax);
      return frame.answer(
        c,
        { title: "A verdict", view: "Rejections" },
        <>
          <h1>Rejection {id}</h1>
          {rows.map((row) => (
            <Verdict answer={row} />
          ))}
        </>,
      );
    })
    .post("/page/rejections/replay", ...checksToWrite(dependencies), async (c) => {
      const form = readForm(c, Form);
      const table = pages.dictionary.of(form.table);
      const step = await stepOf(table, form);
      const outcome = await replayStep(database, step, { source: sourceOf(table, form), msMax });
      const done = [...form.done, ...(outcome ? [outcome.run] : [])].slice(-RUNS_MAX);
      const left = (form.left ?? 0) + step.cannot.length;
      const { rule, column, value, formats, zone, auto } = form;
      const { after, upTo, remaining } = step;
      const total = form.total ?? step.rejections.length + remaining;
      const next = remaining > 0 && { after, upTo, total, auto, rule, column, value, formats, zone };
      return redirectTo(c, groupAddress(form, { done, left: left > 0 ? left : undefined, ...next }));
    });
}

/** What the replay's run calls its source. */
function sourceOf(table: Table, fields: RuleFields): string {
  const rule = ruleOf(table, fields);
  const text = rule ? `on the page: ${ruleText(rule)}` : "on the page";
  return text.slice(0, SOURCE_LENGTH_MAX).toWellFormed();
}

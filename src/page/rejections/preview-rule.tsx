/** @jsxImportSource hono/jsx */
/** `/page/rejections/rule`: what a rule would do to rows, judged by the server. Nothing is stored before it is confirmed. */
import { Hono } from "hono";
import { z } from "zod";
import type { Table as StoredTable } from "../../codecs/tables.ts";
import type { Counts } from "../../db/ledger.ts";
import { Turnstile } from "../../db/turnstile.ts";
import { MusterError } from "../../errors.ts";
import { requires } from "../../http/auth.ts";
import { databaseAllows } from "../../http/database-allows.ts";
import type { Env } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import { nextStep, rehearseStep, type Step } from "../../ingest/mend.ts";
import type { Rehearsal } from "../../ingest/replay.ts";
import type { Rule } from "../../read/corrections/rules.ts";
import { hrefOf } from "../frame.tsx";
import type { PageDependencies } from "../page-routes.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { count, counted } from "../parts/quantities.ts";
import { Table } from "../parts/table.tsx";
import { type GridRow, gridRows } from "./grid.tsx";
import {
  groupAddress,
  idsField,
  parametersOf,
  type RuleFields,
  ruleFields,
  ruleOf,
  ruleText,
  type Selection,
  selectionFields,
} from "./selection.ts";
import { Verdict } from "./verdict.tsx";

const EXAMPLES_MAX = 20;
/** Previews that are judged at once. Each holds up to 1,000 rows in memory, and a place among the writers. */
const PREVIEWS_MAX = 2;

export function rulePreviews({ frame, database, pages, inFlight, msMax }: PageDependencies) {
  const Query = z.strictObject({
    ...selectionFields(pages.dictionary),
    ...ruleFields,
    id: idsField,
    chosen: z.literal("yes").optional(),
  });
  const inTurn = new Turnstile(PREVIEWS_MAX);
  // A preview inserts the rows and rolls back, so it is admitted as a write is.
  const checks = [
    inFlight.admitted(database.writers),
    requires("writer"),
    databaseAllows(database, "insert"),
    validate("query", Query),
  ] as const;
  return new Hono<Env>().get("/page/rejections/rule", ...checks, async (c) => {
    const { table: name, cause, run, id: ids, chosen, ...fields } = c.req.valid("query");
    const table = pages.dictionary.of(name);
    const selection = { table: name, cause, run };
    const rule = ruleOf(table, fields);
    if (!rule) throw new MusterError("invalid", "choose a rule: set a column, or read its dates");
    const isChosen = chosen === "yes" || ids.length > 0;
    const { step, rehearsal } = await inTurn.pass(async () => {
      const step = await nextStep(pages, table, isChosen ? { table: name, ids } : selection, rule);
      return { step, rehearsal: await rehearseStep(database, step, msMax) };
    });
    const examples = await gridRows(table, step.rejections.slice(0, EXAMPLES_MAX));
    // The address of a preview that htmx shows. If the browser did it itself, it would go to the address of an error too.
    c.header("HX-Push-Url", hrefOf(c));
    const preview = { table, selection, fields, rule, step, rehearsal, examples, ids: isChosen ? ids : undefined };
    return frame.answer(c, { title: "Preview of a rule", view: "Rejections" }, <Preview {...preview} />);
  });
}

interface PreviewProps {
  table: StoredTable;
  selection: Selection;
  fields: RuleFields;
  rule: Rule;
  step: Step;
  rehearsal: Rehearsal;
  /** The first rows of the step as they came. */
  examples: GridRow[];
  /** The rows that were chosen; undefined for the whole group. */
  ids: readonly number[] | undefined;
}

function Preview({ table, selection, fields, rule, step, rehearsal, examples, ids }: PreviewProps) {
  const { inserted = 0, unchanged = 0, rejected = 0 }: Partial<Counts> = rehearsal.counts[table.name] ?? {};
  const rows = step.corrections.length + step.remaining;
  // Rows that come to the group after the preview are not replayed.
  const chosen = ids ? { scope: "rows", id: ids } : { scope: "group", upTo: step.upTo };
  return (
    <>
      <p class="path">
        <a href={groupAddress(selection)}>Back to the rows</a>
      </p>
      <h1>
        Preview: {ruleText(rule)} <small>Nothing is stored yet.</small>
      </h1>
      <section class="card" aria-labelledby="would" aria-live="polite">
        <h2 id="would">
          {step.remaining > 0
            ? `The first ${count(step.corrections.length)} rows; ${count(step.remaining)} more come after them`
            : counted(step.corrections.length, "row")}
        </h2>
        <p>
          <span class="good">{count(inserted)} would be stored</span>, {count(unchanged)} would be unchanged,{" "}
          <span class={rejected > 0 ? "bad" : undefined}>{count(rejected)} would be rejected again</span>
          {step.cannot.length > 0 && <>, {count(step.cannot.length)} cannot be changed in this way and stay open</>}.
        </p>
        <form method="post" action="page/rejections/replay" class="row">
          <HiddenFields fields={{ ...parametersOf(selection), ...fields, ...chosen, auto: "yes" }} />
          <button type="submit" class="main" disabled={rows === 0}>
            Change and replay {rows === 1 ? "this row" : `these ${count(rows)} rows`}
          </button>
          <a class="button" href={groupAddress(selection)}>
            Cancel
          </a>
        </form>
        <Examples rule={rule} step={step} rehearsal={rehearsal} examples={examples} />
      </section>
    </>
  );
}

function Examples({ rule, step, rehearsal, examples }: Pick<PreviewProps, "rule" | "step" | "rehearsal" | "examples">) {
  const verdicts = new Map(rehearsal.rows.map((row) => [row.replaces, row]));
  const corrections = new Map(step.corrections.map((each) => [each.id, each]));
  const cannot = new Map(step.cannot.map(({ id, why }) => [id, why]));
  return (
    <Table
      caption={examples.length < step.rejections.length ? `The first ${examples.length}` : "Row by row"}
      columns={["Rejection", `${rule.column} as it came`, "would be", "Verdict"]}
      ifEmpty="No row"
      rows={examples.map(({ rejection: { id }, fields }) => {
        const verdict = verdicts.get(id);
        return (
          <>
            <th scope="row">
              <a href={`page/rejections/${id}`}>{id}</a>
            </th>
            <td>
              <Text text={fields?.get(rule.column)} />
            </td>
            <td>
              <Text text={corrections.get(id)?.fields?.[rule.column]} />
            </td>
            <td>{verdict ? <Verdict answer={verdict} /> : <span class="bad">Stays open: {cannot.get(id)}</span>}</td>
          </>
        );
      })}
    />
  );
}

/** A text that is there, even if it is blank. */
const Text = ({ text }: { text: string | undefined }) => (
  <span>{text?.trim() === "" ? <small>blank</small> : text}</span>
);

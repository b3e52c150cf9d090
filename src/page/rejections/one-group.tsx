/** @jsxImportSource hono/jsx */
/** `/page/rejections/group`: the open rejections of one table and cause, to be mended, replayed or discarded. */
import { Hono } from "hono";
import { z } from "zod";
import type { Table } from "../../codecs/tables.ts";
import { type Env, has } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import { countSelected } from "../../repositories/rejection-groups.ts";
import { listRejections } from "../../repositories/rejection-log.ts";
import { findRuns, type RunRecord } from "../../repositories/run-log.ts";
import { address } from "../address.ts";
import { hrefOf, roleOf } from "../frame.tsx";
import type { PageDependencies } from "../page-routes.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { count, counted } from "../parts/quantities.ts";
import { GRID_FORM, Grid, type GridRow, gridRows } from "./grid.tsx";
import { CauseName, sheetAddress } from "./groups.tsx";
import { Outcome } from "./outcome.tsx";
import { RuleForms } from "./rule-forms.tsx";
import {
  groupAddress,
  type Progress,
  parametersOf,
  progressFields,
  type RuleFields,
  rejectionId,
  ruleFields,
  type Selection,
  selectionFields,
} from "./selection.ts";

const PAGE_ROWS = 50;

export function oneGroupViews({ frame, pages }: PageDependencies) {
  const Query = z.strictObject({
    ...selectionFields(pages.dictionary),
    ...progressFields,
    ...ruleFields,
    from: rejectionId.optional(),
    discarded: progressFields.left,
  });
  return new Hono<Env>().get("/page/rejections/group", validate("query", Query), async (c) => {
    const { table, cause, run, from, discarded, rule, column, value, formats, zone, ...progress } =
      c.req.valid("query");
    const selection = { table, cause, run };
    const { after, upTo } = progress;
    const [all, next, runs, found] = await Promise.all([
      countSelected(pages.db, selection),
      after === undefined ? { rows: 0 } : countSelected(pages.db, { ...selection, after, upTo }),
      findRuns(pages.db, progress.done),
      listRejections(pages.db, { ...selection, state: "open", after: from, limit: PAGE_ROWS + 1 }),
    ]);
    const group: GroupProps = {
      here: hrefOf(c),
      table: pages.dictionary.of(table),
      ...{ selection, progress, runs, from, discarded },
      rule: { rule, column, value, formats, zone },
      open: all.rows,
      last: all.last,
      remaining: next.rows,
      rows: next.rows > 0 ? [] : await gridRows(pages.dictionary.of(table), found.slice(0, PAGE_ROWS)),
      hasMore: found.length > PAGE_ROWS,
      mayEdit: has(roleOf(c), "writer"),
    };
    return frame.answer(c, { title: "Rejections of one cause", view: "Rejections" }, <Group {...group} />);
  });
}

interface GroupProps {
  /** The address of this page. */
  here: string;
  table: Table;
  selection: Selection;
  /** How many rows are open, and how many of them come after the last step of a replay. */
  open: number;
  remaining: number;
  /** The highest id of an open row. */
  last: number;
  rows: GridRow[];
  from: number | undefined;
  hasMore: boolean;
  mayEdit: boolean;
  progress: Progress;
  rule: RuleFields;
  runs: RunRecord[];
  discarded: number | undefined;
}

function Group(props: GroupProps) {
  const { table, selection, open, last, remaining, rows, runs, progress, mayEdit, discarded } = props;
  const isOutcome = runs.length > 0 || (progress.left ?? 0) > 0;
  return (
    <div id="group">
      <p class="path">
        <a href="page/rejections">Rejections</a> / {table.name}
      </p>
      <h1>
        <CauseName cause={selection.cause} />
        <small>
          {count(open)} open {open === 1 ? "row" : "rows"} of {table.name}
          {selection.run !== undefined && ` of run ${selection.run}`}
        </small>
      </h1>
      {discarded !== undefined && (
        <p class="good" role="status">
          Discarded {counted(discarded, "row")}.
        </p>
      )}
      {isOutcome && <Outcome {...props} />}
      {remaining === 0 && rows.length === 0 && (
        <p>
          No row is open for this cause {props.from === undefined ? "any more" : "after this page"}.{" "}
          <a href="page/rejections">To the other groups</a>
        </p>
      )}
      {rows.length > 0 && (
        <>
          <Rows {...props} />
          {mayEdit && <RuleForms table={table} selection={selection} rows={open} />}
          {mayEdit && <WholeGroup selection={selection} open={open} last={last} />}
        </>
      )}
    </div>
  );
}

function Rows({ here, table, selection, rows, hasMore, from, mayEdit }: GroupProps) {
  const last = rows.at(-1)?.rejection.id;
  return (
    <section class="card" aria-labelledby="rows-title">
      <div class="head">
        <h2 id="rows-title">Rows</h2>
        <p>
          {mayEdit && <a href={`${here}#rules`}>Mend many by a rule</a>}{" "}
          <a href={sheetAddress(selection)}>All of them as a sheet</a>{" "}
          {from !== undefined && <a href={groupAddress(selection)}>First page</a>}{" "}
          {hasMore && <a href={groupAddress(selection, { from: last })}>Next page</a>}
        </p>
      </div>
      {mayEdit && (
        <p class="note">
          Correct the cells as they would be written in the file.{" "}
          <span class="needs-js">The verdict follows at once; nothing is stored before you replay.</span>
        </p>
      )}
      <Grid table={table} rows={rows} mayEdit={mayEdit} mayChoose={mayEdit} />
      {mayEdit && (
        <form id={GRID_FORM} class="row" method="post" action="page/rejections/replay">
          <HiddenFields fields={{ ...parametersOf(selection), from, scope: "rows" }} />
          <button type="submit" class="main">
            Replay the edited and the chosen rows
          </button>
          <button type="submit" class="danger" formaction="page/rejections/discard">
            Discard the chosen rows
          </button>
        </form>
      )}
    </section>
  );
}

/** @param props.last the last row that is counted: rows that come after it are not replayed */
const WholeGroup = ({ selection, open, last }: { selection: Selection; open: number; last: number }) => (
  <section class="card" aria-labelledby="whole">
    <h2 id="whole">All {count(open)} rows</h2>
    <p class="note">To replay them as they came helps if what they lacked is stored by now.</p>
    <form class="row" method="post" action="page/rejections/replay">
      <HiddenFields fields={{ ...parametersOf(selection), scope: "group", upTo: last, auto: "yes" }} />
      <button type="submit">Replay all as they came</button>
      <a class="button danger" href={address("page/rejections/discard", parametersOf(selection))}>
        Discard all
      </a>
    </form>
  </section>
);

/** @jsxImportSource hono/jsx */
/** `/page/rejections/ID`: one rejected row as it came, why it was rejected, and what it was before. */
import { Hono } from "hono";
import type { Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { type Env, has } from "../../http/env.ts";
import { noQuery, validate } from "../../http/validate.ts";
import { causeOf } from "../../repositories/causes.ts";
import type { MusterDatabase } from "../../repositories/muster-database.ts";
import { findRejection, type RejectionRecord } from "../../repositories/rejection-log.ts";
import { RejectionPath } from "../../routes/rejection-query.ts";
import { roleOf } from "../frame.tsx";
import type { PageDependencies } from "../page-routes.ts";
import { Facts } from "../parts/facts.tsx";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { Instant } from "../parts/instant.tsx";
import { GRID_FORM, Grid, type GridRow, gridRows } from "./grid.tsx";
import { groupAddress, parametersOf } from "./selection.ts";
import { Reasons } from "./verdict.tsx";

/** How many earlier rejections of a row are shown. */
const HISTORY_MAX = 20;

export const oneRejectionViews = ({ frame, pages }: PageDependencies) =>
  new Hono<Env>().get("/page/rejections/:id{[0-9]+}", validate("param", RejectionPath), noQuery, async (c) => {
    const { id } = c.req.valid("param");
    const rejection = await findRejection(pages.db, id);
    if (!rejection) throw new MusterError("not_found", `there is no rejection ${id}`);
    const table = pages.dictionary.has(rejection.table) ? pages.dictionary.of(rejection.table) : undefined;
    const shown: ShownProps = {
      ...{ rejection, table },
      rows: table ? await gridRows(table, [rejection]) : [],
      earlier: await earlierOf(pages, rejection),
      mayEdit: has(roleOf(c), "writer") && rejection.state === "open",
    };
    return frame.answer(c, { title: `Rejection ${id}`, view: "Rejections" }, <Shown {...shown} />);
  });

/** The rejections of the same row before it was replayed, the newest first. */
async function earlierOf({ db }: MusterDatabase, rejection: RejectionRecord): Promise<RejectionRecord[]> {
  const earlier: RejectionRecord[] = [];
  let { replaces } = rejection;
  while (replaces !== undefined && earlier.length < HISTORY_MAX) {
    const before = await findRejection(db, replaces);
    if (!before) break;
    earlier.push(before);
    ({ replaces } = before);
  }
  return earlier;
}

interface ShownProps {
  rejection: RejectionRecord;
  /** Undefined if the schema does not have the table any more. */
  table: Table | undefined;
  rows: GridRow[];
  earlier: RejectionRecord[];
  mayEdit: boolean;
}

function Shown({ rejection, table, rows, earlier, mayEdit }: ShownProps) {
  const { id, state, reasons, raw, raw_base64: base64, recipe } = rejection;
  const selection = { table: rejection.table, cause: causeOf(reasons) };
  return (
    <>
      <p class="path">
        <a href="page/rejections">Rejections</a>
        {state === "open" && (
          <>
            {" "}
            / <a href={groupAddress(selection)}>All rows with this cause</a>
          </>
        )}
      </p>
      <h1>
        Rejection {id} <span class={state === "open" ? "tag bad" : "tag"}>{state}</span>
      </h1>
      <section class="card" aria-labelledby="why">
        <h2 id="why">Why</h2>
        {table ? <Grid table={table} rows={rows} mayEdit={mayEdit} /> : <Reasons reasons={reasons} />}
        {mayEdit && (
          <form id={GRID_FORM} class="row" method="post" action="page/rejections/replay">
            <HiddenFields fields={{ ...parametersOf(selection), scope: "rows", id }} />
            <button type="submit" class="main">
              Replay
            </button>
            <button type="submit" class="danger" formaction="page/rejections/discard">
              Discard
            </button>
          </form>
        )}
      </section>
      <section class="card" aria-labelledby="came">
        <h2 id="came">As it came</h2>
        <pre class="whole" tabindex={0}>
          {raw ?? base64}
        </pre>
        {raw === undefined && <p class="note">Its bytes are not UTF-8, and are shown as base64.</p>}
        <Origin rejection={rejection} />
        {recipe !== undefined && (
          <>
            <h3>Read by this recipe</h3>
            <pre class="whole">{JSON.stringify(recipe, null, 2)}</pre>
          </>
        )}
      </section>
      {earlier.length > 0 && <History earlier={earlier} />}
    </>
  );
}

const Origin = ({ rejection: { table, file, position, run, created_at } }: { rejection: RejectionRecord }) => (
  <Facts
    facts={[
      ["Table", table],
      [file === undefined ? "Sent" : "File", file ?? "by a request"],
      ["Position", position],
      ["Rejected", <Instant at={created_at} />],
      ["Run", <a href={`page/runs/${run}`}>{run}</a>],
    ]}
  />
);

const History = ({ earlier }: { earlier: readonly RejectionRecord[] }) => (
  <section class="card" aria-labelledby="history">
    <h2 id="history">What it was before it was replayed</h2>
    <ol>
      {earlier.map(({ id, reasons, created_at }) => (
        <li>
          <a href={`page/rejections/${id}`}>Rejection {id}</a> <Instant at={created_at} />
          <Reasons reasons={reasons} />
        </li>
      ))}
    </ol>
  </section>
);

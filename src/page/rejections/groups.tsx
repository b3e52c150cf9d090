/** @jsxImportSource hono/jsx */
/** `/page/rejections`: the open rejections in groups of one table and one cause. */
import { Hono } from "hono";
import { z } from "zod";
import type { Env } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import { type Cause, causeText } from "../../repositories/causes.ts";
import { openGroups, type RejectionGroup } from "../../repositories/rejection-groups.ts";
import { runId } from "../../routes/runs.ts";
import { address } from "../address.ts";
import type { PageDependencies } from "../page-routes.ts";
import { type Part, part } from "../part.ts";
import { count } from "../parts/quantities.ts";
import { Rows, Table } from "../parts/table.tsx";
import { groupAddress } from "./selection.ts";

const Query = z.strictObject({ run: runId.optional() });

export const groupViews = ({ frame, pages }: PageDependencies) =>
  new Hono<Env>().get("/page/rejections", validate("query", Query), async (c) => {
    const { run } = c.req.valid("query");
    const open = await part(openGroups(pages.db, run));
    const tables = pages.dictionary.tables.map(({ name }) => name);
    return frame.answer(
      c,
      { title: "Rejections", view: "Rejections" },
      <Groups open={open} run={run} tables={tables} />,
    );
  });

interface GroupsProps {
  open: Part<{ groups: RejectionGroup[]; rows: number }>;
  run: string | undefined;
  tables: readonly string[];
}

function Groups({ open: { value = { groups: [], rows: 0 }, unavailable }, run, tables }: GroupsProps) {
  const { groups, rows } = value;
  const others = rows - groups.reduce((sum, group) => sum + group.rows, 0);
  return (
    <>
      <h1>Rejections</h1>
      {run !== undefined && (
        <p>
          Only those of <a href={`page/runs/${run}`}>run {run}</a>. <a href="page/rejections">Show all</a>
        </p>
      )}
      <section class="card" aria-label="Open rejections">
        <p>
          {unavailable === undefined && <b>{count(rows)} open.</b>} Open a group to mend its rows, replay or discard
          them. A row that is not mended stays open.
        </p>
        <Table
          caption="By table and cause"
          columns={["Cause", "Table", { name: "Rows", isNumber: true }, "Download"]}
          ifEmpty={run === undefined ? "No open rejections" : "This run has no open rejections"}
          unavailable={unavailable}
          rows={groups.map((group) => <Group {...group} run={run} isKnown={tables.includes(group.table)} />)}
        />
        {others > 0 && (
          <p class="note">And {count(others)} rows in smaller groups. They appear here as you deal with these.</p>
        )}
        <p>
          All open rows of a table as a sheet:{" "}
          {tables.map((table) => (
            <>
              <a href={address("rejections", { table, run, state: "open", spreadsheet: "true" })}>{table}</a>{" "}
            </>
          ))}
        </p>
      </section>
    </>
  );
}

interface GroupProps extends RejectionGroup {
  run: string | undefined;
  /** Whether the schema still has the table. */
  isKnown: boolean;
}

function Group({ table, cause, rows, run, isKnown }: GroupProps) {
  const name = <CauseName cause={cause} />;
  return (
    <>
      <th scope="row">{isKnown ? <a href={groupAddress({ table, cause, run })}>{name}</a> : name}</th>
      <td>{table}</td>
      <Rows rows={rows} />
      <td>
        {isKnown ? <a href={sheetAddress({ table, cause, run })}>Sheet</a> : "The schema has no such table any more"}
      </td>
    </>
  );
}

/** A cause in words: `missing: name, missing: job_id`. */
export const CauseName = ({ cause }: { cause: Cause }) => (
  <>{cause.map(({ code, field }) => (field === undefined ? code : `${code}: ${field}`)).join(" and ")}</>
);

/** The open rows of a group as CSV for a spreadsheet program, with a column for each field. */
export const sheetAddress = ({ table, cause, run }: Omit<RejectionGroup, "rows"> & { run?: string | undefined }) =>
  address("rejections", { table, cause: causeText(cause), run, state: "open", spreadsheet: "true" });

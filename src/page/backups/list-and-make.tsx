/** @jsxImportSource hono/jsx */
/** `/page/backups`: the backups in the store, and a form that makes one. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { beginBackup } from "../../backups/backup.ts";
import { pageOfBackups } from "../../backups/catalog.ts";
import type { TableName } from "../../codecs/tables.ts";
import type { Env } from "../../http/env.ts";
import { parameter, validate } from "../../http/validate.ts";
import { findUnderWay, findVerifications } from "../../repositories/backup-runs.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { readForm } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";
import { type Part, part } from "../part.ts";
import { Age, Instant } from "../parts/instant.tsx";
import { bytesText } from "../parts/quantities.ts";
import { titleOf } from "../parts/run-facts.tsx";
import { Table } from "../parts/table.tsx";
import { checksOf, followed } from "./begin-run.ts";
import { sizeOf, tableRows } from "./contents.ts";
import { type Checked, Proof } from "./proof.tsx";
import { ChosenTables, NO_TABLE, TableChoice, tablesNamed } from "./table-choice.tsx";

const BACKUPS_ON_A_PAGE = 20;

const ListQuery = z.strictObject({ before: parameter.optional() });

export function listAndMake(dependencies: PageDependencies) {
  const { frame, database, pages, store } = dependencies;
  const { names } = database.dictionary;

  async function readList(before: string | undefined): Promise<Listed> {
    const { backups, next } = await pageOfBackups(store, { limit: BACKUPS_ON_A_PAGE, before });
    const ids = backups.map(({ id }) => id);
    const verifications = (await part(findVerifications(pages.db, ids))).value;
    return { next, backups: backups.map((backup) => ({ backup, verification: verifications?.get(backup.id) })) };
  }

  async function show(c: Context<Env>, before?: string, problem?: string) {
    const [list, underWay] = await Promise.all([part(readList(before)), part(findUnderWay(pages.db))]);
    const refusal = database.readiness.refusal("backup")?.message;
    return frame.answer(
      c,
      { title: "Backups", view: "Backups", ...(problem && { problem, status: 422 }) },
      <>
        <h1>Backups</h1>
        <UnderWay runs={underWay.value ?? []} />
        <MakeOne names={names} refusal={refusal} />
        <List list={list} before={before} />
      </>,
    );
  }

  return new Hono<Env>()
    .get("/page/backups", validate("query", ListQuery), (c) => show(c, c.req.valid("query").before))
    .post("/page/backups", ...checksOf(dependencies, "backup"), (c) => {
      const tables = tablesNamed(database, readForm(c, ChosenTables).table);
      if (tables.length === 0) return show(c, undefined, NO_TABLE);
      return followed(c, dependencies, "backup", (options) =>
        beginBackup(database, store, { ...options, tables, codec: "deflate" }),
      );
    });
}

interface Listed {
  backups: Checked[];
  /** The page after this one begins before this backup. */
  next: string | undefined;
}

const UnderWay = ({ runs }: { runs: readonly RunRecord[] }) => (
  <>
    {runs.map((run) => (
      <p>
        <span class="tag busy">under way</span> <a href={`page/runs/${run.id}`}>{titleOf(run)}</a>, began{" "}
        <Age at={run.started_at} />
      </p>
    ))}
  </>
);

/** @param props.refusal why the database cannot be backed up now */
const MakeOne = ({ names, refusal }: { names: readonly TableName[]; refusal: string | undefined }) => (
  <section class="card" aria-labelledby="make">
    <h2 id="make">Make a backup</h2>
    {refusal === undefined ? (
      <form method="post" action="page/backups">
        <TableChoice names={names} />
        <p class="note">All tables as they are at one moment. Others can go on writing.</p>
        <button class="main" type="submit">
          Back up
        </button>
      </form>
    ) : (
      <p class="bad">Not possible now: {refusal}</p>
    )}
  </section>
);

function List({ list, before }: { list: Part<Listed>; before: string | undefined }) {
  const { backups = [], next } = list.value ?? {};
  return (
    <section class="card" aria-labelledby="list">
      <h2 id="list">In the store</h2>
      <Table
        caption={before === undefined ? "Backups, newest first" : "Older backups, newest first"}
        columns={["Made", "Proof", { name: "Size", isNumber: true }, "Tables and rows"]}
        rows={backups.map((each) => <Row {...each} />)}
        ifEmpty="No backup yet. The form above makes one."
        unavailable={list.unavailable}
        isWide
      />
      <p class="row">
        {before !== undefined && <a href="page/backups">Newest backups</a>}
        {next !== undefined && <a href={`page/backups?before=${next}`}>Older backups</a>}
      </p>
    </section>
  );
}

function Row(checked: Checked) {
  const { backup } = checked;
  const isDamaged = "damaged" in backup;
  const address = `page/backups/${backup.id}`;
  return (
    <>
      <th scope="row">
        <a href={address}>{isDamaged ? backup.id : <Age at={backup.created_at} />}</a>
        {!isDamaged && (
          <small>
            <Instant at={backup.created_at} />
          </small>
        )}
      </th>
      <td>
        <Proof {...checked} />
      </td>
      <td class="n">{!isDamaged && bytesText(sizeOf(backup.tables))}</td>
      <td>{!isDamaged && tableRows(backup.tables)}</td>
    </>
  );
}

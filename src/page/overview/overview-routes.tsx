/** @jsxImportSource hono/jsx */
/** `/`: what is stored, what the last runs did, what is open, and whether all is well. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { pendingTags } from "../../db/migrations.ts";
import { MusterError } from "../../errors.ts";
import { requires } from "../../http/auth.ts";
import { type Answer, type Description, describe, headersOf, problems } from "../../http/describe.ts";
import type { Env } from "../../http/env.ts";
import { noQuery } from "../../http/validate.ts";
import { openGroups } from "../../repositories/rejection-groups.ts";
import { countOpenRejections } from "../../repositories/rejection-log.ts";
import { countTableRows } from "../../repositories/row-counts.ts";
import { listRuns } from "../../repositories/run-log.ts";
import { roleOf } from "../frame.tsx";
import type { PageDependencies } from "../page-routes.ts";
import { part } from "../part.ts";
import { RunTable } from "../parts/run-table.tsx";
import { signInFirst } from "../sign-in.tsx";
import { BackupCard, newestBackup } from "./backup-card.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { HealthCard } from "./health-card.tsx";
import { OPEN_GROUPED_MAX, type OpenRejections, OpenRejectionsCard } from "./rejections-card.tsx";
import { TablesCard } from "./tables-card.tsx";

const RUNS_SHOWN = 10;
/** If the dictionary has more tables, only the first are counted. */
const TABLES_COUNTED = 30;

export function overviewRoutes(dependencies: PageDependencies) {
  const { frame, pages } = dependencies;
  const { tables } = pages.dictionary;
  const counted = tables.slice(0, TABLES_COUNTED);
  const names = counted.map(({ name }) => name);

  /** Reads each part separately, so that one that is slow does not hide the others. */
  async function readParts(c: Context<Env>) {
    const [rows, runs, open, pending, backup] = await Promise.all([
      part(countTableRows(pages, names)),
      part(listRuns(pages.db, { limit: RUNS_SHOWN })),
      part(openRejections(pages)),
      part(pendingTags(pages.pool)),
      newestBackup(c, dependencies),
    ]);
    if ([rows, runs, open].every(({ value }) => value === undefined))
      throw new MusterError("unavailable", runs.unavailable ?? "");
    return { rows, runs, open, pending, backup };
  }

  return new Hono<Env>().get("/", describe(PAGE), signInFirst(frame), requires("reader"), noQuery, async (c) => {
    // Looks at the database again, without waiting: the next request gets the result.
    pages.readiness.renew().catch(() => {});
    const { rows, runs, open, pending, backup } = await readParts(c);
    const isNew = runs.value?.length === 0 && rows.value?.every((each) => each.rows === 0) === true;
    const { hasTokens, hasReports } = frame.site;
    return frame.answer(
      c,
      { title: "Muster", view: "Overview" },
      <>
        <h1>Overview</h1>
        {isNew && (
          <FirstSteps tables={tables} role={roleOf(c)} hasTokens={hasTokens} origin={new URL(c.req.url).origin} />
        )}
        <div class="cards overview">
          <TablesCard counted={counted} rows={rows} all={tables.length} hasReports={hasReports} />
          <OpenRejectionsCard open={open} />
          <div>
            <BackupCard backup={backup} role={roleOf(c)} />
            <HealthCard server={pages.server} pending={pending} refused={pages.readiness.reasons()} />
          </div>
        </div>
        <section class="card" aria-labelledby="runs">
          <div class="head">
            <h2 id="runs">What the last runs did</h2>
            <a href="page/runs">All runs</a>
          </div>
          <RunTable caption="Newest first" runs={runs.value ?? []} unavailable={runs.unavailable} />
        </section>
      </>,
    );
  });
}

/** Grouping reads every open rejection, so of very many only the number is told. */
async function openRejections({ db }: PageDependencies["pages"]): Promise<OpenRejections> {
  const rows = await countOpenRejections(db, OPEN_GROUPED_MAX + 1);
  return rows > OPEN_GROUPED_MAX ? { groups: [], rows, isCut: true } : { ...(await openGroups(db)), isCut: false };
}

const content: Answer["content"] = { "text/html": { schema: z.string() } };
const PAGE: Description = {
  ...{ tags: ["service"], summary: "The page for people. Its other views are below `/page/`" },
  description:
    "If tokens are configured and the request has neither a token nor a session, the answer is the sign-in form.",
  answers: { 200: { description: "The page", content, headers: headersOf(["Set-Cookie"]) }, ...problems(406, 503) },
};

/** @jsxImportSource hono/jsx */
/** `/page/runs`: all runs, and the page of each, which follows the run while it goes on. */
import { Hono } from "hono";
import { z } from "zod";
import { requires } from "../../http/auth.ts";
import { databaseAllows } from "../../http/database-allows.ts";
import type { Env } from "../../http/env.ts";
import { followRun } from "../../http/events.ts";
import { negotiate } from "../../http/negotiate.ts";
import { noQuery, validate } from "../../http/validate.ts";
import { cancelImport, existingRun } from "../../ingest/cancel-import.ts";
import { findRun, isCancelAsked, listRuns, type RunRecord } from "../../repositories/run-log.ts";
import { RunPath, runId } from "../../routes/runs.ts";
import { formBody } from "../form.ts";
import { roleOf } from "../frame.tsx";
import type { PageDependencies } from "../page-routes.ts";
import { shortSource, titleOf } from "../parts/run-facts.tsx";
import { redirectTo } from "../redirect.ts";
import { Ended, EndedEvent } from "./ended.tsx";
import { Following, Progress } from "./live.tsx";
import { RunList } from "./run-list.tsx";

const RUNS_ON_A_PAGE = 25;
/** The form to cancel has no fields. */
const FORM_BYTES_MAX = 1024;

const ListQuery = z.strictObject({ before: runId.optional() });

export function runViews({ frame, pages, inFlight }: PageDependencies) {
  const path = validate("param", RunPath);
  const mayCancel = [requires("writer"), databaseAllows(pages, "import")] as const;
  return new Hono<Env>()
    .get("/page/runs", validate("query", ListQuery), async (c) => {
      const { before } = c.req.valid("query");
      const found = await listRuns(pages.db, { limit: RUNS_ON_A_PAGE + 1, before });
      const runs = found.slice(0, RUNS_ON_A_PAGE);
      const older = found.length > runs.length ? runs.at(-1)?.id : undefined;
      return frame.answer(
        c,
        { title: "Runs", view: "Runs" },
        <>
          <h1>Runs</h1>
          <RunList runs={runs} before={before} older={older} />
        </>,
      );
    })
    .get("/page/runs/:id", path, noQuery, async (c) => {
      const run = await existingRun(pages, c.req.valid("param").id);
      const isEnded = run.finished_at !== null;
      const isCancelled = !isEnded && (await isCancelAsked(pages.db, run.id));
      return frame.answer(
        c,
        { title: titleOf(run), view: "Runs" },
        <>
          <RunHeading run={run} />
          {isEnded ? <Ended run={run} role={roleOf(c)} /> : <Following {...{ run, isCancelled, role: roleOf(c) }} />}
        </>,
      );
    })
    .post("/page/runs/:id/cancel", ...formBody(inFlight, FORM_BYTES_MAX), ...mayCancel, path, noQuery, async (c) => {
      const { id } = await cancelImport(pages, c.req.valid("param").id);
      return redirectTo(c, `page/runs/${id}`);
    });
}

/** The events of a run's page, as HTML. They are not a page, so they come without a form to sign in. */
export function runEvents({ pages, work }: PageDependencies) {
  const checks = [requires("reader"), validate("param", RunPath), noQuery] as const;
  return new Hono<Env>().get("/page/runs/:id/events", ...checks, async (c) => {
    negotiate(c, ["text/event-stream"]);
    const run = await existingRun(pages, c.req.valid("param").id);
    const role = roleOf(c);
    const render = (run: RunRecord) =>
      (run.finished_at === null ? <Progress run={run} /> : <EndedEvent run={run} role={role} />).toString();
    return followRun(c, run, { look: () => findRun(pages.db, run.id), stopped: work.ended, render });
  });
}

const RunHeading = ({ run }: { run: RunRecord }) => (
  <>
    <h1>
      {titleOf(run)} {run.source !== null && <small>{shortSource(run)}</small>}
    </h1>
    <p>
      <a href="page/runs">All runs</a>
    </p>
  </>
);

/** @jsxImportSource hono/jsx */
/** `/page/backups/ID/restore?plan=RUN`: what a restore would do, and the form by which a person confirms it. */
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { findManifest } from "../../backups/catalog.ts";
import type { Manifest } from "../../backups/manifest.ts";
import { beginRestore, outcomeOf } from "../../backups/restore.ts";
import type { Table as StoredTable } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import type { Env } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import { findPlan, findWritersSince, type Writers } from "../../repositories/backup-runs.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { runId } from "../../routes/runs.ts";
import { BackupPath } from "../../routes/stored-backups.ts";
import { readForm } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { Age, Instant } from "../parts/instant.tsx";
import { redirectTo } from "../redirect.ts";
import { checksOf, followed } from "./begin-run.ts";
import { consequence, listed, NOTHING, PlannedRows, WrittenSince } from "./plan-parts.tsx";
import { tablesNamed } from "./table-choice.tsx";

const PlanQuery = z.strictObject({ plan: runId });
/** `since` is the newest run that the person has seen on the page. */
const Confirmation = z.object({ plan: runId, since: runId, confirmed: z.literal("yes").optional() });

export function planAndRestore(dependencies: PageDependencies) {
  const { frame, database, pages, store } = dependencies;
  const path = validate("param", BackupPath);

  /** @throws MusterError `not_found` if the run is not a plan of this backup */
  async function readPlan(id: string, planned: string): Promise<Planned> {
    const manifest = await findManifest(store, id);
    const plan = await findPlan(pages.db, manifest.id, planned);
    if (!plan)
      throw new MusterError("not_found", `run ${planned} is not a plan of backup ${manifest.id}: plan its restore`);
    const tables = tablesNamed(database, Object.keys(plan.counts));
    const writers = await findWritersSince(
      pages.db,
      plan,
      tables.map(({ name }) => name),
    );
    return { manifest, plan, tables, writers };
  }

  function show(c: Context<Env>, planned: Planned, wrong?: { problem: string; status: ContentfulStatusCode }) {
    const { plan } = planned;
    if (plan.finished_at === null) return redirectTo(c, `page/runs/${plan.id}`);
    const content = plan.status === "succeeded" ? <Confirm {...planned} /> : <Refused {...planned} />;
    return frame.answer(c, { title: "Restore", view: "Backups", ...wrong }, content);
  }

  return new Hono<Env>()
    .get("/page/backups/:id/restore", path, validate("query", PlanQuery), async (c) =>
      show(c, await readPlan(c.req.valid("param").id, c.req.valid("query").plan)),
    )
    .post("/page/backups/:id/restore", ...checksOf(dependencies, "restore"), path, async (c) => {
      const { plan, since, confirmed } = readForm(c, Confirmation);
      const planned = await readPlan(c.req.valid("param").id, plan);
      if (planned.plan.status !== "succeeded") return show(c, planned);
      if (confirmed === undefined) return show(c, planned, { problem: NOT_CONFIRMED, status: 422 });
      // A person who sends the form twice, or after somebody else's restore, has confirmed another state than the present one.
      const isUnseen = planned.writers.runs.some(({ kind, id }) => kind !== "insert" && id > since);
      if (isUnseen) return show(c, planned, { problem: CHANGED, status: 409 });
      const { tables, manifest } = planned;
      return followed(c, dependencies, "restore", (options) =>
        beginRestore(database, store, { ...options, tables, backup: manifest.id }),
      );
    });
}

const NOT_CONFIRMED = "Nothing was restored: tick the box to confirm what is deleted.";
const CHANGED = "Nothing was restored: the tables have changed since you saw this page. Read it again.";

interface Planned {
  manifest: Manifest;
  plan: RunRecord;
  tables: StoredTable[];
  /** The runs that have written to the tables since the plan. */
  writers: Writers;
}

const Refused = ({ manifest, plan }: Planned) => (
  <>
    <h1>This restore is not possible</h1>
    <section class="card" aria-label="Why">
      <p class="bad">{plan.error}</p>
      <p>
        <a href={`page/backups/${manifest.id}`}>To the backup</a> <a href={`page/runs/${plan.id}`}>The plan's run</a>
      </p>
    </section>
  </>
);

function Confirm({ manifest, plan, tables, writers }: Planned) {
  const { tables: counts } = outcomeOf(plan);
  const names = tables.map(({ name }) => name);
  const each = names.map((name) => ({ name, ...(counts[name] ?? NOTHING) }));
  const isAsBackedUp = each.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0);
  return (
    <>
      <h1>Restore {listed(names)}</h1>
      <p>
        <a href={`page/backups/${manifest.id}`}>To the backup</a>
      </p>
      <p>
        {names.length === 1 ? "This table becomes" : "These tables become"} exactly what the backup of{" "}
        <Instant at={manifest.created_at} /> has (<Age at={manifest.created_at} />
        ), in one step. Other tables are not touched.
      </p>
      <section class="card" aria-labelledby="plan">
        <h2 id="plan">
          The plan, made <Age at={plan.finished_at ?? plan.started_at} />
        </h2>
        <PlannedRows each={each} />
        <WrittenSince id={manifest.id} names={names} writers={writers} />
      </section>
      {isAsBackedUp && writers.runs.length === 0 && !writers.areMore ? (
        <p class="good">Nothing to restore: every row is as in the backup.</p>
      ) : (
        <section class="card" aria-labelledby="confirm">
          <h2 id="confirm">Confirm</h2>
          <form class="stack" method="post" action={`page/backups/${manifest.id}/restore`}>
            <HiddenFields fields={{ plan: plan.id, since: writers.runs[0]?.id ?? plan.id }} />
            <label>
              <input type="checkbox" name="confirmed" value="yes" required /> {consequence(each)} What is written to{" "}
              {names.length === 1 ? "this table" : "these tables"} between the plan and the restore is undone too.
            </label>
            <div>
              <button class="danger" type="submit">
                Restore {listed(names)}
              </button>
            </div>
          </form>
        </section>
      )}
    </>
  );
}

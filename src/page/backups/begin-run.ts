/** What the forms of the backups' pages share: their checks, and the way to the page of the run that they begin. */
import type { Context } from "hono";
import type { RunOptions } from "../../backups/begin.ts";
import type { Use } from "../../db/rights.ts";
import { requires } from "../../http/auth.ts";
import { inBackground } from "../../http/background.ts";
import { databaseAllows } from "../../http/database-allows.ts";
import type { Env } from "../../http/env.ts";
import type { BegunRun } from "../../repositories/live-run.ts";
import { formBody } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";
import { redirectTo } from "../redirect.ts";

const FORM_BYTES_MAX = 64 * 1024;

/** What the API checks before a backup, verification or restore, and that the form is the page's own. */
export const checksOf = ({ database, inFlight }: PageDependencies, use: Use) =>
  [...formBody(inFlight, FORM_BYTES_MAX), requires("admin"), databaseAllows(database, use)] as const;

/** Begins a run that goes on after the answer, which leads to the run's page. @param subject names the run in the log */
export async function followed(
  c: Context<Env>,
  { database, work, log, msMax }: PageDependencies,
  subject: string,
  begin: (options: RunOptions) => Promise<BegunRun>,
): Promise<Response> {
  const run = await inBackground(c, { database, work, log, msMax }, subject, begin);
  return redirectTo(c, `page/runs/${run}`);
}

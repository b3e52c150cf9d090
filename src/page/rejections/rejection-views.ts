/** `/page/rejections`: readers see what was rejected; writers mend, replay and discard it. */
import { Hono } from "hono";
import type { Env } from "../../http/env.ts";
import type { PageDependencies } from "../page-routes.ts";
import { discardForms } from "./discard-rows.tsx";
import { groupViews } from "./groups.tsx";
import { oneGroupViews } from "./one-group.tsx";
import { oneRejectionViews } from "./one-rejection.tsx";
import { rulePreviews } from "./preview-rule.tsx";
import { replayForms } from "./replay-rows.tsx";

export const rejectionViews = (dependencies: PageDependencies): Hono<Env> =>
  new Hono<Env>()
    .route("/", groupViews(dependencies))
    .route("/", oneGroupViews(dependencies))
    .route("/", rulePreviews(dependencies))
    .route("/", replayForms(dependencies))
    .route("/", discardForms(dependencies))
    .route("/", oneRejectionViews(dependencies));

/** @jsxImportSource hono/jsx */
/** `/page/backups`: lists, makes, proves and restores backups. Only admins see it, as in the API. */
import { Hono, type MiddlewareHandler } from "hono";
import { type Env, has } from "../../http/env.ts";
import { type Frame, roleOf } from "../frame.tsx";
import type { PageDependencies } from "../page-routes.ts";
import { listAndMake } from "./list-and-make.tsx";
import { planAndRestore } from "./plan-and-restore.tsx";
import { showAndProve } from "./show-and-prove.tsx";

export function backupViews(dependencies: PageDependencies): Hono<Env> {
  const views = new Hono<Env>();
  views.get("/page/backups/*", adminsOnly(dependencies.frame));
  return views
    .route("/", listAndMake(dependencies))
    .route("/", planAndRestore(dependencies))
    .route("/", showAndProve(dependencies));
}

/** Shows others a sentence instead of the view. */
const adminsOnly =
  (frame: Frame): MiddlewareHandler<Env> =>
  async (c, next) => {
    const role = roleOf(c);
    if (has(role, "admin")) return next();
    return frame.answer(
      c,
      { title: "Backups", status: 403 },
      <section class="card alone" aria-labelledby="title">
        <h1 id="title">Backups are for admins</h1>
        <p>
          A backup holds every row, and a restore deletes rows. Your role is {role}: sign in with the token of an admin
          to see and do this.
        </p>
      </section>,
    );
  };

/** @jsxImportSource hono/jsx */
import type { Context } from "hono";
import { pageOfBackups } from "../../backups/catalog.ts";
import { withDeadline } from "../../db/deadline.ts";
import { MusterError } from "../../errors.ts";
import { type Env, has, type Role } from "../../http/env.ts";
import { loggable } from "../../http/log.ts";
import { findVerifications } from "../../repositories/backup-runs.ts";
import { sizeOf, tableRows } from "../backups/contents.ts";
import { type Checked, Proof } from "../backups/proof.tsx";
import { roleOf } from "../frame.tsx";
import type { PageDependencies } from "../page-routes.ts";
import { type Part, part } from "../part.ts";
import { Facts } from "../parts/facts.tsx";
import { Age } from "../parts/instant.tsx";
import { bytesText } from "../parts/quantities.ts";
import { Unavailable } from "../parts/table.tsx";

/** The overview does not wait longer for the store. */
const STORE_MS_MAX = 2_000;

/**
 * The newest backup, and whether it is proven. Undefined if there is none. A store that fails is only `unavailable`. Only admins
 * see why, as in the API: it can name the bucket, and say what is wrong with the credentials.
 */
export async function newestBackup(
  c: Context<Env>,
  { store, pages }: PageDependencies,
): Promise<Part<Checked | undefined>> {
  try {
    const { backups } = await withDeadline(STORE_MS_MAX, pageOfBackups(store, { limit: 1 }));
    const [backup] = backups;
    if (!backup) return { value: undefined };
    const verifications = await part(findVerifications(pages.db, [backup.id]));
    return { value: { backup, verification: verifications.value?.get(backup.id) } };
  } catch (error) {
    if (error instanceof MusterError && has(roleOf(c), "admin")) return { unavailable: error.message };
    c.get("log").warn(
      { request: c.get("requestId"), error: loggable(error) },
      "the store of the backups cannot be read",
    );
    return { unavailable: "the store of the backups does not answer" };
  }
}

/** Only admins get to the backup itself, as in the API. */
export const BackupCard = ({
  backup: { value, unavailable },
  role,
}: {
  backup: Part<Checked | undefined>;
  role: Role;
}) => (
  <section class="card" aria-labelledby="backup">
    <div class="head">
      <h2 id="backup">Newest backup</h2>
      {has(role, "admin") && <a href="page/backups">All backups</a>}
    </div>
    {unavailable !== undefined ? (
      <p>
        <Unavailable why={unavailable} />
      </p>
    ) : value === undefined ? (
      <p class="busy">There is no backup yet.</p>
    ) : (
      <Newest {...value} role={role} />
    )}
  </section>
);

function Newest({ backup, verification, role }: Checked & { role: Role }) {
  const made = "damaged" in backup ? backup.id : <Age at={backup.created_at} />;
  const isAdmin = has(role, "admin");
  const holds = !isAdmin || "damaged" in backup ? undefined : backup.tables;
  return (
    <Facts
      facts={[
        ["Made", isAdmin ? <a href={`page/backups/${backup.id}`}>{made}</a> : made],
        ["Proof", <Proof backup={backup} verification={verification} />],
        ["Holds", holds && `${tableRows(holds)}: ${bytesText(sizeOf(holds))}`],
      ]}
    />
  );
}

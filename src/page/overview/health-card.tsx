/** @jsxImportSource hono/jsx */
import type { Server } from "../../db/database.ts";
import type { Part } from "../part.ts";
import { Unavailable } from "../parts/table.tsx";

interface HealthCardProps {
  server: Server;
  /** Migrations that the database lacks. */
  pending: Part<string[]>;
  /** What the database cannot be used for now, and why. */
  refused: Readonly<Record<string, string | undefined>>;
}

export function HealthCard({ server, pending, refused }: HealthCardProps) {
  const lacks = pending.value?.length ?? 0;
  const uses = Object.entries(refused);
  return (
    <section class="card" aria-labelledby="health">
      <h2 id="health">Health</h2>
      <dl>
        <dt>Server</dt>
        <dd>{nameOf(server)}</dd>
        <dt>Schema</dt>
        <dd>
          {pending.unavailable !== undefined ? (
            <Unavailable why={pending.unavailable} />
          ) : lacks > 0 ? (
            <span class="bad">lacks {lacks} of Muster's migrations: restart Muster to apply them</span>
          ) : (
            <span class="good">up to date</span>
          )}
        </dd>
        <dt>Takes</dt>
        <dd>{uses.length === 0 ? <span class="good">all that Muster does</span> : <Refused uses={uses} />}</dd>
      </dl>
      <p class="note">
        For monitoring: <a href="healthz">health</a>, <a href="readyz">readiness</a>, <a href="metrics">metrics</a>
      </p>
    </section>
  );
}

const Refused = ({ uses }: { uses: readonly (readonly [string, string | undefined])[] }) => (
  <>
    {uses.map(([use, why]) => (
      <div class="bad">
        <b>no {use}</b>: {why}
      </div>
    ))}
  </>
);

/** Such as `MariaDB 10.11.19` or `MySQL 9.7.4`. */
function nameOf({ version }: Server): string {
  const number = /^[\d.]+/.exec(version)?.[0] ?? version;
  return `${/mariadb/i.test(version) ? "MariaDB" : "MySQL"} ${number}`;
}

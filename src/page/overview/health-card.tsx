/** @jsxImportSource hono/jsx */
import type { Server } from "../../db/database.ts";
import type { Part } from "../part.ts";
import { Facts } from "../parts/facts.tsx";
import { Unavailable } from "../parts/table.tsx";

interface HealthCardProps {
  server: Server;
  /** Migrations that the database lacks. */
  pending: Part<string[]>;
  /** What the database cannot be used for now, and why. */
  refused: Readonly<Record<string, string | undefined>>;
}

export function HealthCard({ server, pending, refused }: HealthCardProps) {
  const uses = Object.entries(refused);
  return (
    <section class="card" aria-labelledby="health">
      <h2 id="health">Health</h2>
      <Facts
        facts={[
          ["Server", nameOf(server)],
          ["Schema", <Schema pending={pending} />],
          ["Takes", uses.length === 0 ? <span class="good">all that Muster does</span> : <Refused uses={uses} />],
        ]}
      />
      <p class="note">
        For monitoring: <a href="healthz">health</a>, <a href="readyz">readiness</a>, <a href="metrics">metrics</a>
      </p>
    </section>
  );
}

function Schema({ pending }: Pick<HealthCardProps, "pending">) {
  const lacks = pending.value?.length ?? 0;
  if (pending.unavailable !== undefined) return <Unavailable why={pending.unavailable} />;
  if (lacks > 0) return <span class="bad">lacks {lacks} of Muster's migrations: restart Muster to apply them</span>;
  return <span class="good">up to date</span>;
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

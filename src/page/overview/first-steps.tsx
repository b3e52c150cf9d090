/** @jsxImportSource hono/jsx */
import { called } from "../../build.ts";
import type { Table } from "../../codecs/tables.ts";
import { has, type Role } from "../../http/env.ts";
import { sentRow } from "../../routes/insert.ts";

interface FirstStepsProps {
  tables: readonly Table[];
  role: Role;
  hasTokens: boolean;
  /** The service's address, as the request names it. */
  origin: string;
}

/** What to do with an empty database. */
export function FirstSteps({ tables: [table], role, hasTokens, origin }: FirstStepsProps) {
  // If there are tokens, the address is left out. Behind a proxy its scheme is unknown, and an address with http could make
  // people send a token unencrypted.
  const curl = hasTokens ? "curl -H 'Authorization: Bearer TOKEN' ADDRESS" : `curl ${origin}`;
  return (
    <section class="card first" aria-labelledby="first">
      <h2 id="first">No data yet</h2>
      {has(role, "writer") && (
        <p>
          <a class="button main" href="page/load">
            Load a file
          </a>
        </p>
      )}
      <p>Import a folder of CSV files that are named after their tables:</p>
      <pre>{called("import")} path/to/your/csv/folder</pre>
      <p>or insert a row:</p>
      <pre>
        {table && `${curl}/${table.name} -H 'Content-Type: application/json' -d '${JSON.stringify(sentRow(table))}'`}
      </pre>
    </section>
  );
}

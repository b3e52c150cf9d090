/** The rights that Muster's user needs for each use. docs/operating.md "Rights" has them as statements, which a test runs. */
import { type Facts, TABLES } from "./facts.ts";
import { allows, type Grants, quoted } from "./grants.ts";

/** What Muster is used for. `insert` includes replay and discard, `import` the verification of a backup. */
export const USES = ["read", "insert", "backup", "import", "restore", "migrate"] as const;
export type Use = (typeof USES)[number];

/** A requirement that is not met. */
export interface Lack {
  /** What is wrong. Clients see it as well, so it has neither a statement nor the user's name. */
  wrong: string;
  /** What an administrator does about it, with the statement. */
  mend: string;
}

/** A right on the whole database, or on some of its tables. */
interface Need {
  right: string;
  tables?: readonly string[];
}

/** The tables that rows are inserted into. */
const INSERTED = TABLES.filter((table) => table !== "muster_gates");

const all = (...rights: string[]): Need[] => rights.map((right) => ({ right }));
const onTables = (tables: readonly string[], ...rights: string[]): Need[] => rights.map((right) => ({ right, tables }));

const READ = onTables([...TABLES, "__drizzle_migrations"], "SELECT");
const STAGE = all("CREATE", "DROP", "ALTER", "REFERENCES");

const RIGHTS: Record<Use, readonly Need[]> = {
  read: READ,
  insert: [
    ...[...READ, ...onTables(INSERTED, "INSERT")],
    ...onTables(["muster_rejections"], "UPDATE"),
    ...onTables(["muster_idempotency_keys"], "UPDATE", "DELETE"),
  ],
  backup: [...READ, ...onTables(["muster_runs"], "INSERT", "UPDATE")],
  import: [
    ...[...all("SELECT", "INSERT"), ...STAGE],
    ...onTables(["muster_gates", "muster_runs", "muster_rejections"], "UPDATE"),
    ...onTables(["muster_rejections"], "DELETE"),
  ],
  restore: [...all("SELECT", "INSERT", "UPDATE", "DELETE"), ...STAGE],
  migrate: [...all("SELECT", "INSERT", "DELETE"), ...STAGE, ...all("INDEX")],
};

/** The rights that no grant gives. If a narrower grant hides one that seems given, the server says so when it is used. */
export function rightsLacking({ grants, database, variables }: Facts, use: Use): Lack | undefined {
  if (grants === undefined) return undefined;
  const isMariaDb = /MariaDB/i.test(variables.get("version") ?? "");
  const lacking = new Map<string, string[]>();
  for (const need of RIGHTS[use]) {
    // MariaDB has this right and never asks for it.
    if (isMariaDb && need.right === "REFERENCES") continue;
    for (const place of placesLacking(grants, need)) lacking.set(place, [...(lacking.get(place) ?? []), need.right]);
  }
  if (lacking.size === 0) return undefined;
  const statements = [...lacking].map(
    ([place, rights]) => `GRANT ${rights.join(", ")} ON ${quoted(database)}.${place} TO ${grants.account}`,
  );
  const rights = [...new Set([...lacking.values()].flat())].join(", ");
  return {
    wrong: `the database user lacks rights for ${use} (${rights})`,
    mend: `as an administrator run: ${statements.join("; ")}`,
  };
}

/** Where a right is lacking, as a GRANT names the place: `*` if every one of many tables lacks it. */
function placesLacking(grants: Grants, { right, tables }: Need): string[] {
  if (allows(grants.possible, right)) return [];
  if (tables === undefined) return ["*"];
  const lacking = tables.filter((table) => !allows(grants.tables.get(table), right));
  return lacking.length === tables.length && tables.length >= INSERTED.length ? ["*"] : lacking.map(quoted);
}

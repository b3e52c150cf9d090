/** The rights that Muster's user needs for each use. docs/operating.md has them as statements, and a test runs these. */
import type { Facts } from "./facts.ts";
import { allows, quoted } from "./grants.ts";

/** What Muster is used for: `insert` is also replay and discard, `import` also the verification of a backup. */
export const USES = ["read", "insert", "backup", "import", "restore", "migrate"] as const;
export type Use = (typeof USES)[number];
/** A requirement that is not met. */
export interface Lack {
  /** Clients are shown it as well: it has neither a statement nor the user's name. */
  wrong: string;
  /** What an administrator does about it, with the statement. */
  mend: string;
}

/** A right, and where it must hold: on the whole database, or on these tables of it. */
interface Need {
  right: string;
  tables?: readonly string[];
}

const all = (...rights: string[]): Need[] => rights.map((right) => ({ right }));
const onTables = (tables: readonly string[], ...rights: string[]): Need[] => rights.map((right) => ({ right, tables }));

const STAGE = all("CREATE", "DROP", "ALTER", "REFERENCES");

const RIGHTS: Record<Use, readonly Need[]> = {
  read: all("SELECT"),
  insert: [
    ...all("SELECT", "INSERT"),
    ...onTables(["rejections"], "UPDATE"),
    ...onTables(["idempotency_keys"], "UPDATE", "DELETE"),
  ],
  backup: [...all("SELECT"), ...onTables(["runs"], "INSERT", "UPDATE")],
  import: [
    ...[...all("SELECT", "INSERT"), ...STAGE],
    ...onTables(["gates", "runs", "rejections"], "UPDATE"),
    ...onTables(["rejections"], "DELETE"),
  ],
  restore: [...all("SELECT", "INSERT", "UPDATE", "DELETE"), ...STAGE],
  migrate: [...all("SELECT", "INSERT", "DELETE"), ...STAGE, ...all("INDEX")],
};

/** The GRANT statements for what the user has by no grant. A right that a narrower grant hides is found by the server itself. */
export function rightsLacking({ grants, database, variables }: Facts, use: Use): Lack | undefined {
  if (grants === undefined) return undefined;
  const lacking = new Map<string, string[]>();
  for (const { right, tables } of RIGHTS[use]) {
    // MariaDB has this right and never asks for it.
    const isUnused = right === "REFERENCES" && /MariaDB/i.test(variables.get("version") ?? "");
    if (isUnused || allows(grants.possible, right)) continue;
    const places = tables?.filter((table) => !allows(grants.tables.get(table), right)).map(quoted) ?? ["*"];
    for (const place of places) lacking.set(place, [...(lacking.get(place) ?? []), right]);
  }
  if (lacking.size === 0) return undefined;
  const statements = [...lacking].map(
    ([place, rights]) => `GRANT ${rights.join(", ")} ON ${quoted(database)}.${place} TO ${grants.account}`,
  );
  const all = [...new Set([...lacking.values()].flat())].join(", ");
  return {
    wrong: `the database user lacks rights for ${use} (${all})`,
    mend: `as an administrator run: ${statements.join("; ")}`,
  };
}

/** The rights that Muster's user needs for each use. docs/operating.md "Rights" lists them as statements, which a test runs. */
import { type Facts, TABLES, vendorOf } from "./facts.ts";
import { allows, type Grants, quoted } from "./grants.ts";
import { JOURNAL } from "./migrations.ts";

/** What Muster is used for. Replay and discard count as `insert`, the verification of a backup as `import`. */
export const USES = ["read", "insert", "backup", "import", "restore", "migrate"] as const;
export type Use = (typeof USES)[number];

/** A requirement that is not met. */
export interface Lack {
  /** What is wrong. Clients see it as well, so it has neither a statement nor the user's name. */
  wrong: string;
  /** What an administrator does about it, with the statement. */
  mend: string;
}

/** Rights that are needed on these tables, or on the whole database if no tables are given. */
interface Need {
  rights: readonly string[];
  tables?: readonly string[];
}

/** The tables that a request inserts rows into. Only a migration adds gates, and only an import files. */
const INSERTED = TABLES.filter((table) => table !== "muster_gates" && table !== "muster_files");

const READ: Need = { tables: [...TABLES, JOURNAL], rights: ["SELECT"] };
/** Rights for making the stages of an import or a restore. */
const STAGE = ["CREATE", "DROP", "ALTER", "REFERENCES"];

const NEEDS: Record<Use, readonly Need[]> = {
  read: [READ],
  insert: [
    READ,
    { tables: INSERTED, rights: ["INSERT"] },
    { tables: ["muster_rejections"], rights: ["UPDATE"] },
    { tables: ["muster_idempotency_keys"], rights: ["UPDATE", "DELETE"] },
  ],
  backup: [READ, { tables: ["muster_runs"], rights: ["INSERT", "UPDATE"] }],
  import: [
    { rights: ["SELECT", "INSERT", ...STAGE] },
    { tables: ["muster_gates", "muster_runs", "muster_rejections", "muster_files"], rights: ["UPDATE"] },
    { tables: ["muster_rejections", "muster_files"], rights: ["DELETE"] },
  ],
  restore: [{ rights: ["SELECT", "INSERT", "UPDATE", "DELETE", ...STAGE] }],
  migrate: [{ rights: ["SELECT", "INSERT", "DELETE", ...STAGE, "INDEX"] }],
};

/**
 * The rights for `use` that the user certainly lacks; undefined if there are none. A right does not count as lacking if only
 * some of the matching grants give it (`possible` in grants.ts). If it is lacking after all, the server refuses the statement.
 */
export function rightsLacking({ grants, database, variables }: Facts, use: Use): Lack | undefined {
  if (grants === undefined) return undefined;
  const isMariaDb = vendorOf(variables.get("version")) === "MariaDB";
  const lacking = new Map<string, string[]>();
  for (const { rights, tables } of NEEDS[use]) {
    for (const right of rights) {
      // MariaDB has this right and never asks for it.
      if (isMariaDb && right === "REFERENCES") continue;
      for (const place of placesLacking(grants, right, tables))
        lacking.set(place, [...(lacking.get(place) ?? []), right]);
    }
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

/** The places that lack a right, as GRANT names them: tables, or `*` for the whole database if all of a long list lack it. */
function placesLacking(grants: Grants, right: string, tables?: readonly string[]): string[] {
  if (allows(grants.possible, right)) return [];
  if (tables === undefined) return ["*"];
  const lacking = tables.filter((table) => !allows(grants.tables.get(table), right));
  return lacking.length === tables.length && tables.length >= INSERTED.length ? ["*"] : lacking.map(quoted);
}

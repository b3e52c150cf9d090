/** What the connected user may do, by SHOW GRANTS. Roles count if they are active; grants on single tables are not read. */
import type { Connection, RowDataPacket } from "mysql2/promise";

export interface Grants {
  /** The account as GRANT takes it, such as `app`@`%`. */
  account: string;
  /** Rights on every table of the server, as GRANT spells them; ALL PRIVILEGES stands for itself. */
  everywhere: ReadonlySet<string>;
  /** Rights on every table of one database. */
  here: ReadonlySet<string>;
}

/** Whether rights include one of those wanted. */
export const allows = (rights: ReadonlySet<string>, ...wanted: string[]) =>
  ["ALL PRIVILEGES", ...wanted].some((right) => rights.has(right));

/**
 * Reads what the user may do in `database`. If grants overlap so that only the server can say what holds, a right counts
 * only if all of them have it.
 * @see https://dev.mysql.com/doc/refman/8.4/en/show-grants.html
 */
export async function grantsOf(connection: Connection, database: string): Promise<Grants> {
  const [rows] = await connection.query<RowDataPacket[]>("SHOW GRANTS");
  const [[self]] = await connection.query<RowDataPacket[]>("SELECT CURRENT_USER() AS account");
  const grants = rows.flatMap((row) => parseGrant(String(Object.values(row)[0])) ?? []);
  // MySQL's partial revokes: a right on every database, taken away again for one of them.
  const revoked = new Set(grants.filter(({ isRevoke }) => isRevoke).flatMap(({ rights }) => rights));
  const given = grants.filter(({ isRevoke }) => !isRevoke);
  const everywhere = given.filter(({ schema }) => schema === undefined).flatMap(({ rights }) => rights);
  const unrevoked = everywhere.filter((right) => !revoked.has(right));
  return {
    account: quoted(self?.account),
    everywhere: new Set(unrevoked),
    here: new Set([...unrevoked, ...rightsIn(database, given)]),
  };
}

interface Grant {
  rights: string[];
  /** A database's name, or a pattern of names; undefined for every database. */
  schema: string | undefined;
  isRevoke: boolean;
}

const GRANT = /^(GRANT|REVOKE) (.+) ON (?:\*|`((?:[^`]|``)+)`)\.\* (?:TO|FROM) /;

function parseGrant(line: string): Grant | undefined {
  const [, verb, rights, schema] = GRANT.exec(line) ?? [];
  if (rights === undefined) return undefined;
  return { rights: rights.split(/, ?/), schema: schema?.replaceAll("``", "`"), isRevoke: verb === "REVOKE" };
}

/** A grant on the database's own name wins over those on patterns; of several patterns the server follows only one. */
function rightsIn(database: string, grants: readonly Grant[]): string[] {
  const own = grants.filter(({ schema }) => schema === database || schema?.replace(/\\([_%])/g, "$1") === database);
  if (own.length > 0) return own.flatMap(({ rights }) => rights);
  const [first, ...others] = grants.filter(({ schema }) => schema !== undefined && patternOf(schema).test(database));
  return first?.rights.filter((right) => others.every(({ rights }) => rights.includes(right))) ?? [];
}

/** A pattern as LIKE reads it. */
function patternOf(like: string): RegExp {
  const source = like.replace(/\\?./gs, (each) => {
    if (each === "%") return ".*";
    return each === "_" ? "." : each.slice(-1).replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
  });
  return new RegExp(`^${source}$`, "s");
}

/** CURRENT_USER() has no quotes; the host follows the last @. */
function quoted(account: unknown): string {
  const [, user = "", host = ""] = /^(.*)@([^@]*)$/s.exec(String(account)) ?? [];
  return `\`${user}\`@\`${host}\``;
}

/**
 * What the connected user may do, read from SHOW GRANTS. On MySQL and MariaDB alike it includes the rights of the active
 * roles, which the privilege tables of information_schema leave out.
 * @see https://dev.mysql.com/doc/refman/8.4/en/show-grants.html
 */
import type { Connection, RowDataPacket } from "mysql2/promise";

type Rights = ReadonlySet<string>;

/** Rights as GRANT spells them. ALL PRIVILEGES is kept as it is: see allows(). */
export interface Grants {
  /** The account as GRANT takes it, such as `app`@`%`. */
  account: string;
  /** Rights on every table of the server. */
  everywhere: Rights;
  /** Rights that certainly hold on every table of the database. If several grants match it, only the server knows which counts. */
  here: Rights;
  /** Rights that at least one of the matching grants gives on every table of the database. */
  possible: Rights;
  /** Rights on single tables of the database, by table. Rights on columns are left out. */
  tables: ReadonlyMap<string, Rights>;
}

/** Whether rights include one of those wanted. */
export const allows = (rights: Rights | undefined, ...wanted: string[]) =>
  ["ALL PRIVILEGES", ...wanted].some((right) => rights?.has(right));

/** A name as SQL takes it, whatever characters it has. */
export const quoted = (name: string) => `\`${name.replaceAll("`", "``")}\``;

/** The connected account as GRANT takes it. CURRENT_USER() has no quotes, and the host follows the last @. */
export async function accountOf(connection: Connection): Promise<string> {
  const [[self]] = await connection.query<RowDataPacket[]>("SELECT CURRENT_USER() AS account");
  const [, user = "", host = ""] = /^(.*)@([^@]*)$/s.exec(String(self?.account)) ?? [];
  return `${quoted(user)}@${quoted(host)}`;
}

/** What the connected user may do in `database`. */
export async function grantsOf(connection: Connection, database: string): Promise<Grants> {
  const [lines] = await connection.query<RowDataPacket[]>("SHOW GRANTS");
  const grants = lines.flatMap((line) => parseGrant(String(Object.values(line)[0])) ?? []);
  const given = grants.filter(({ isRevoke }) => !isRevoke);
  const revoked = grants.filter(({ isRevoke }) => isRevoke);
  const onServer = rightsOf(given.filter(({ schema }) => schema === undefined));
  // MySQL's partial revokes take a right on every database away again for one of them.
  const without = (taken: Grant[]) => onServer.filter((right) => !rightsOf(taken).includes(right));
  const matching = (some: Grant[]) => some.filter(({ schema }) => schema !== undefined && matches(schema, database));
  const onDatabase = matching(given.filter(({ table }) => table === undefined));
  const tables = new Map<string, Set<string>>();
  for (const { table, rights, schema } of given) {
    if (table === undefined || schema !== database) continue;
    tables.set(table, new Set([...(tables.get(table) ?? []), ...rights]));
  }
  return {
    account: await accountOf(connection),
    everywhere: new Set(without(revoked)),
    here: new Set([...without(revoked), ...certainOf(database, onDatabase)]),
    possible: new Set([...without(matching(revoked)), ...rightsOf(onDatabase)]),
    tables,
  };
}

interface Grant {
  rights: string[];
  /** A database's name, or a pattern of names; undefined for every database. */
  schema: string | undefined;
  /** Undefined for every table. */
  table: string | undefined;
  /** Whether the line takes the rights away. */
  isRevoke: boolean;
}

/** `*`, or a name. Some servers leave the quotes out. */
const NAME = "(\\*|`(?:[^`]|``)+`|[^\\s.`]+)";
const GRANT = new RegExp(`^(GRANT|REVOKE) (.+) ON ${NAME}\\.${NAME} (?:TO|FROM) `);

/** A line of SHOW GRANTS. Undefined if it is about something else, such as a role or a procedure. */
function parseGrant(line: string): Grant | undefined {
  const [, verb, rights, schema = "*", table = "*"] = GRANT.exec(line) ?? [];
  if (rights === undefined) return undefined;
  const onColumns = /[A-Z ]+ \([^)]*\)/g;
  return {
    rights: rights.toUpperCase().replaceAll(onColumns, "").split(/, ?/),
    schema: nameOf(schema),
    table: nameOf(table),
    isRevoke: verb === "REVOKE",
  };
}

const nameOf = (text: string) =>
  text === "*" ? undefined : text.replace(/^`(.*)`$/s, (_, name: string) => name.replaceAll("``", "`"));

const rightsOf = (grants: readonly Grant[]) => grants.flatMap(({ rights }) => rights);

/** A grant on the database's own name counts before those on patterns. The server follows only one of several patterns. */
function certainOf(database: string, matching: readonly Grant[]): string[] {
  const own = matching.filter(({ schema }) => schema === database || schema?.replace(/\\([_%])/g, "$1") === database);
  if (own.length > 0) return rightsOf(own);
  const [first, ...others] = matching;
  return first?.rights.filter((right) => others.every(({ rights }) => rights.includes(right))) ?? [];
}

/** Whether a database's name is like a pattern, as LIKE reads it. */
function matches(pattern: string, database: string): boolean {
  const source = pattern.replace(/\\?./gs, (each) => {
    if (each === "%") return ".*";
    return each === "_" ? "." : each.slice(-1).replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
  });
  return new RegExp(`^${source}$`, "s").test(database);
}

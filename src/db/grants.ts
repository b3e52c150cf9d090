/**
 * What the connected user may do, read from SHOW GRANTS. On MySQL and MariaDB alike it includes the rights of the active
 * roles, which the privilege tables of information_schema leave out.
 * @see https://dev.mysql.com/doc/refman/8.4/en/show-grants.html
 */
import type { Connection, RowDataPacket } from "mysql2/promise";

type Rights = ReadonlySet<string>;

/** Rights as GRANT spells them. ALL PRIVILEGES is kept as it is: see allows(). */
export interface Grants {
  /** The account as GRANT spells it, such as `app`@`%`. */
  account: string;
  /** Rights on every table of the server. */
  everywhere: Rights;
  /**
   * Rights that certainly hold on every table of the database. Several grants may have a pattern that matches the database's
   * name, and the server follows only one of them. So only the rights that all of them give are certain.
   */
  here: Rights;
  /** Rights that may hold on every table of the database, if the server follows the grant that gives them. */
  possible: Rights;
  /** Rights on single tables of the database, by table. Rights on columns are left out. */
  tables: ReadonlyMap<string, Rights>;
}

/** Whether `rights` include at least one of the rights wanted. */
export const allows = (rights: Rights | undefined, ...wanted: string[]) =>
  ["ALL PRIVILEGES", ...wanted].some((right) => rights?.has(right));

/** A name in quotes for SQL, whatever characters it has. */
export const quoted = (name: string) => `\`${name.replaceAll("`", "``")}\``;

/** The connected account as GRANT spells it. CURRENT_USER() has no quotes, and the host follows the last @. */
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
  // With MySQL's partial revokes, a user can have a right on every database except some.
  const onServerExcept = (taken: Grant[]) => onServer.filter((right) => !rightsOf(taken).includes(right));
  const matching = (some: Grant[]) => some.filter(({ schema }) => schema !== undefined && matches(schema, database));
  const onDatabase = matching(given.filter(({ table }) => table === undefined));
  const tables = new Map<string, Set<string>>();
  for (const { table, rights, schema } of given) {
    if (table === undefined || schema !== database) continue;
    tables.set(table, new Set([...(tables.get(table) ?? []), ...rights]));
  }
  return {
    account: await accountOf(connection),
    everywhere: new Set(onServerExcept(revoked)),
    here: new Set([...onServerExcept(revoked), ...certainOf(database, onDatabase)]),
    possible: new Set([...onServerExcept(matching(revoked)), ...rightsOf(onDatabase)]),
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

/**
 * The rights that certainly hold. A grant on the database's own name comes before all grants on patterns. The server follows
 * only one of several patterns, so a right is certain if each of them gives it.
 */
function certainOf(database: string, matching: readonly Grant[]): string[] {
  const own = matching.filter(({ schema }) => schema === database || schema?.replace(/\\([_%])/g, "$1") === database);
  if (own.length > 0) return rightsOf(own);
  const [first, ...others] = matching;
  return first?.rights.filter((right) => others.every(({ rights }) => rights.includes(right))) ?? [];
}

/** Whether a database's name matches the pattern of a grant, which has the form of a LIKE pattern. */
function matches(pattern: string, database: string): boolean {
  const source = pattern.replace(/\\?./gs, (each) => {
    if (each === "%") return ".*";
    return each === "_" ? "." : each.slice(-1).replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
  });
  return new RegExp(`^${source}$`, "s").test(database);
}

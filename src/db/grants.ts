/**
 * What the connected user may do, by SHOW GRANTS. It is the one source that has the rights of the active roles on both kinds of
 * server: the privilege tables of information_schema have the user's own alone.
 * @see https://dev.mysql.com/doc/refman/8.4/en/show-grants.html
 */
import type { Connection, RowDataPacket } from "mysql2/promise";

type Rights = ReadonlySet<string>;

/** Rights as GRANT spells them; ALL PRIVILEGES stands for itself. */
export interface Grants {
  /** The account as GRANT takes it, such as `app`@`%`. */
  account: string;
  /** Rights on every table of the server. */
  everywhere: Rights;
  /** Rights on every table of one database. If grants overlap so that only the server can say what holds, all must give it. */
  here: Rights;
  /** Rights that may hold on every table of the database: one of the grants gives it. */
  possible: Rights;
  /** Rights on single tables of the database, by their names. Those on columns do not count. */
  tables: ReadonlyMap<string, Rights>;
}

/** Whether rights include one of those wanted. */
export const allows = (rights: Rights | undefined, ...wanted: string[]) =>
  ["ALL PRIVILEGES", ...wanted].some((right) => rights?.has(right));

/** Reads what the user may do in `database`. */
export async function grantsOf(connection: Connection, database: string): Promise<Grants> {
  const [rows] = await connection.query<RowDataPacket[]>("SHOW GRANTS");
  const account = await accountOf(connection);
  return grantsIn(
    database,
    account,
    rows.map((row) => String(Object.values(row)[0])),
  );
}

/** The same by the lines of SHOW GRANTS. A line that is not understood, as of a procedure, gives and takes nothing. */
function grantsIn(database: string, account: string, lines: readonly string[]): Grants {
  const grants = lines.flatMap((line) => parseGrant(line) ?? []);
  const revoked = grants.filter(({ isRevoke }) => isRevoke);
  const given = grants.filter(({ isRevoke }) => !isRevoke);
  const everywhere = rightsOf(given.filter(({ schema }) => schema === undefined));
  const ofDatabase = given.filter(({ schema, table }) => schema !== undefined && table === undefined);
  const matches = ({ schema }: Grant) => schema !== undefined && patternOf(schema).test(database);
  // MySQL's partial revokes: a right on every database, taken away again for one of them.
  const without = (taken: string[]) => everywhere.filter((right) => !taken.includes(right));
  const tables = new Map<string, Set<string>>();
  for (const { table, rights, schema } of given) {
    if (table !== undefined && schema === database)
      tables.set(table, new Set([...(tables.get(table) ?? []), ...rights]));
  }
  return {
    account,
    everywhere: new Set(without(rightsOf(revoked))),
    here: new Set([...without(rightsOf(revoked)), ...certainIn(database, ofDatabase)]),
    possible: new Set([...without(rightsOf(revoked.filter(matches))), ...rightsOf(ofDatabase.filter(matches))]),
    tables,
  };
}

/** The connected account as GRANT takes it. CURRENT_USER() has no quotes, and the host follows the last @. */
export async function accountOf(connection: Connection): Promise<string> {
  const [[self]] = await connection.query<RowDataPacket[]>("SELECT CURRENT_USER() AS account");
  const [, user = "", host = ""] = /^(.*)@([^@]*)$/s.exec(String(self?.account)) ?? [];
  return `${quoted(user)}@${quoted(host)}`;
}

/** A name as SQL takes it, whatever is in it. */
export const quoted = (name: string) => `\`${name.replaceAll("`", "``")}\``;

interface Grant {
  rights: string[];
  /** A database's name, or a pattern of names; undefined for every database. */
  schema: string | undefined;
  /** Undefined for every table. */
  table: string | undefined;
  isRevoke: boolean;
}

/** `*`, or a name, which some servers leave unquoted. */
const NAME = "(\\*|`(?:[^`]|``)+`|[^\\s.`]+)";
const GRANT = new RegExp(`^(GRANT|REVOKE) (.+) ON ${NAME}\\.${NAME} (?:TO|FROM) `);

function parseGrant(line: string): Grant | undefined {
  const [, verb, rights, schema = "*", table = "*"] = GRANT.exec(line) ?? [];
  if (rights === undefined) return undefined;
  const ofColumns = /[A-Z ]+ \([^)]*\)/g;
  return {
    rights: rights.toUpperCase().replaceAll(ofColumns, "").split(/, ?/),
    schema: nameOf(schema),
    table: nameOf(table),
    isRevoke: verb === "REVOKE",
  };
}

const nameOf = (text: string) =>
  text === "*" ? undefined : text.replace(/^`(.*)`$/s, (_, name: string) => name.replaceAll("``", "`"));

const rightsOf = (grants: readonly Grant[]) => grants.flatMap(({ rights }) => rights);

/** A grant on the database's own name wins over those on patterns; of several patterns the server follows only one. */
function certainIn(database: string, grants: readonly Grant[]): string[] {
  const own = grants.filter(({ schema }) => schema === database || schema?.replace(/\\([_%])/g, "$1") === database);
  if (own.length > 0) return rightsOf(own);
  const [first, ...others] = grants.filter(({ schema = "" }) => patternOf(schema).test(database));
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

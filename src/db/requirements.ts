/** What Muster needs of the server and of its user's rights. docs/operating.md "What the server must be" has the same list. */
import { type Facts, vendorOf } from "./facts.ts";
import { quoted } from "./grants.ts";
import { type Lack, rightsLacking, USES, type Use } from "./rights.ts";

const WRITES = USES.filter((use) => use !== "read");

/** Bytes that a statement of Muster may need: a rejected row keeps 64 KiB, and escaping may double them. */
const PACKET_BYTES_MIN = 1024 * 1024;
/** With smaller pages, InnoDB's indexes are too short for the column that has the name of a source. */
const PAGE_BYTES_MIN = 16 * 1024;

/** The character set and collation of Muster's tables. */
export const CHARACTERS = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

/**
 * Each requirement: the uses that need it, and a check that returns what is lacking. Causes stand before their consequences.
 */
const REQUIREMENTS: readonly (readonly [readonly Use[], (facts: Facts) => Lack | undefined])[] = [
  [USES, oldServer],
  [WRITES, readOnlyServer],
  [WRITES, readOnlyDatabase],
  [WRITES, noInnodb],
  [WRITES, rollbackOnTimeout],
  [WRITES, ({ variables }) => foreignKeysIgnored(variables.get("tidb_enable_foreign_key"))],
  [WRITES, statementBinlog],
  // `migrate` may itself drop such a table and create it again (apply-migrations.ts).
  [WRITES.filter((use) => use !== "migrate"), otherEngines],
  [WRITES, smallPackets],
  [["import", "restore", "migrate"], forbiddenEngine],
  [["migrate"], otherCharacters],
  [["migrate"], shortIndexes],
  [["migrate"], smallPages],
  ...USES.map((use) => [[use], (facts: Facts) => rightsLacking(facts, use)] as const),
];

/** The requirements of a use that are not met, in the order of REQUIREMENTS. */
export function lacksFor(facts: Facts, use: Use): Lack[] {
  return REQUIREMENTS.flatMap(([uses, lack]) => (uses.includes(use) ? (lack(facts) ?? []) : []));
}

/** What is wrong and what to do about it, in one line. */
export const lackLine = ({ wrong, mend }: Lack): string => `${wrong}; ${mend}`;

/** The settings that can make a server refuse every write. */
export const READ_ONLY_SETTINGS = ["innodb_force_recovery", "innodb_read_only", "super_read_only", "read_only"];

const isOn = (value: string | undefined) => value !== undefined && !["OFF", "0", ""].includes(value.toUpperCase());

/**
 * The setting that makes a server refuse every write; undefined if it accepts writes. A server with `read_only` counts as
 * read-only even if this user may write to it, because it is probably a replica.
 */
export function readOnlyBy(variables: ReadonlyMap<string, string>): string | undefined {
  return READ_ONLY_SETTINGS.find((name) => {
    const value = variables.get(name);
    // From level 4 on, innodb_force_recovery makes InnoDB read-only.
    return name === "innodb_force_recovery" ? Number(value) >= 4 : isOn(value);
  });
}

function oldServer({ variables }: Facts): Lack | undefined {
  const version = variables.get("version") ?? "";
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  const isMariaDb = vendorOf(version) === "MariaDB";
  const [leastMajor, leastMinor] = isMariaDb ? [10, 6] : [8, 0];
  const isEnough = Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
  if (isEnough || major === "0") return undefined;
  const wrong = `the server is ${isMariaDb ? "" : "MySQL "}${version}, and Muster needs MySQL 8.0 or MariaDB 10.6`;
  return { wrong, mend: "upgrade it, or name another server in DATABASE_URL" };
}

function readOnlyServer({ variables }: Facts): Lack | undefined {
  const name = readOnlyBy(variables);
  if (name === undefined) return undefined;
  const mend = {
    super_read_only: "run: SET GLOBAL super_read_only = OFF, read_only = OFF",
    read_only: "run: SET GLOBAL read_only = OFF",
  }[name];
  return {
    wrong: `the server takes no writes: ${name} is ${variables.get(name)}`,
    mend: `name another server in DATABASE_URL, or ${mend ?? `restart it without ${name}`}`,
  };
}

function readOnlyDatabase({ isReadOnlyDatabase, database }: Facts): Lack | undefined {
  if (!isReadOnlyDatabase) return undefined;
  return { wrong: "the database is read-only", mend: `run: ALTER DATABASE ${quoted(database)} READ ONLY = 0` };
}

function noInnodb({ innodb }: Facts): Lack | undefined {
  if (["YES", "DEFAULT"].includes(innodb)) return undefined;
  return { wrong: `the server has no InnoDB (its support is ${innodb})`, mend: "start it with InnoDB" };
}

function rollbackOnTimeout({ variables }: Facts): Lack | undefined {
  if (!isOn(variables.get("innodb_rollback_on_timeout"))) return undefined;
  return {
    wrong: "innodb_rollback_on_timeout is ON: a lock timeout would undo rows that Muster counts as stored",
    mend: "set it to OFF in the server's configuration, and restart the server",
  };
}

/** @param setting tidb_enable_foreign_key; undefined on other servers */
export function foreignKeysIgnored(setting: string | undefined): Lack | undefined {
  if (setting === undefined || isOn(setting)) return undefined;
  const wrong = `tidb_enable_foreign_key is ${setting}: the server would store rows without their parents`;
  return {
    wrong,
    mend: "run: SET GLOBAL tidb_enable_foreign_key = ON, and make the tables anew if they lack foreign keys",
  };
}

function statementBinlog({ variables }: Facts): Lack | undefined {
  if (!isOn(variables.get("log_bin")) || variables.get("binlog_format") !== "STATEMENT") return undefined;
  const wrong = "binlog_format is STATEMENT: the server refuses to write at READ COMMITTED, as Muster does";
  return { wrong, mend: "run: SET GLOBAL binlog_format = 'ROW'" };
}

function otherEngines({ otherEngines, database }: Facts): Lack | undefined {
  if (otherEngines.length === 0) return undefined;
  const named = otherEngines.map(({ name, engine }) => `${name} (${engine})`).join(", ");
  const statements = otherEngines.map(({ name }) => `ALTER TABLE ${quoted(database)}.${quoted(name)} ENGINE = InnoDB`);
  return {
    wrong: `tables that are not InnoDB cannot roll a write back: ${named}`,
    mend: `run: ${statements.join("; ")}`,
  };
}

function smallPackets({ variables }: Facts): Lack | undefined {
  const bytes = Number(variables.get("max_allowed_packet") ?? PACKET_BYTES_MIN);
  if (bytes >= PACKET_BYTES_MIN) return undefined;
  const wrong = `max_allowed_packet is ${bytes}, and Muster's statements need ${PACKET_BYTES_MIN}`;
  return { wrong, mend: "run: SET GLOBAL max_allowed_packet = 16777216" };
}

function forbiddenEngine({ variables }: Facts): Lack | undefined {
  const enforced = variables.get("enforce_storage_engine");
  if (enforced && enforced.toUpperCase() !== "INNODB") {
    const wrong = `enforce_storage_engine is ${enforced}: no InnoDB table can be created`;
    return { wrong, mend: "run: SET GLOBAL enforce_storage_engine = NULL" };
  }
  const disabled = (variables.get("disabled_storage_engines") ?? "").toUpperCase().split(",");
  if (!disabled.some((name) => name.trim() === "INNODB")) return undefined;
  return {
    wrong: "disabled_storage_engines has InnoDB: no InnoDB table can be created",
    mend: "remove it from the server's configuration, and restart the server",
  };
}

function otherCharacters({ variables, database }: Facts): Lack | undefined {
  const characters = variables.get("character_set_database");
  if (characters === "utf8mb4") return undefined;
  const wrong = `the database keeps text as ${characters}, which cannot hold every name`;
  return { wrong, mend: `run: ALTER DATABASE ${quoted(database)} ${CHARACTERS}` };
}

function shortIndexes({ variables }: Facts): Lack | undefined {
  const format = variables.get("innodb_default_row_format")?.toLowerCase() ?? "";
  if (!["compact", "redundant"].includes(format)) return undefined;
  return {
    wrong: `innodb_default_row_format is ${format}: its indexes are too short for Muster's tables`,
    mend: "run: SET GLOBAL innodb_default_row_format = 'dynamic'",
  };
}

function smallPages({ variables }: Facts): Lack | undefined {
  const bytes = Number(variables.get("innodb_page_size") ?? PAGE_BYTES_MIN);
  if (bytes >= PAGE_BYTES_MIN) return undefined;
  const wrong = `innodb_page_size is ${bytes}: its indexes are too short for Muster's tables`;
  return { wrong, mend: `use a server whose data directory was made with ${PAGE_BYTES_MIN}` };
}

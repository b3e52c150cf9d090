/** What Muster needs of the server and of its user's rights: one table, each entry with what is wrong and what mends it. */
import type { Facts } from "./facts.ts";
import { quoted } from "./grants.ts";
import { type Lack, rightsLacking, USES, type Use } from "./rights.ts";

const WRITES = USES.filter((use) => use !== "read");

interface Requirement {
  /** The uses that cannot be had without it. */
  uses: readonly Use[];
  lack(facts: Facts): Lack | undefined;
}

/** Bytes that a statement of Muster's may need: a rejected row keeps 64 KiB, which may double when it is escaped. */
const PACKET_BYTES_MIN = 1024 * 1024;
/** Bytes of a page below which InnoDB's indexes are too short for a source's name. */
const PAGE_BYTES_MIN = 16 * 1024;

/** The server's own come before the user's rights: they are mended by one person, once. */
const REQUIREMENTS: readonly Requirement[] = [
  { uses: USES, lack: tooOld },
  { uses: WRITES, lack: readOnlyServer },
  {
    uses: WRITES,
    lack: ({ isReadOnlyDatabase, database }) =>
      isReadOnlyDatabase
        ? { wrong: "the database is read-only", mend: `run: ALTER DATABASE ${quoted(database)} READ ONLY = 0` }
        : undefined,
  },
  {
    uses: WRITES,
    lack: ({ innodb }) =>
      ["YES", "DEFAULT"].includes(innodb)
        ? undefined
        : { wrong: `the server has no InnoDB (its support is ${innodb})`, mend: "start it with InnoDB" },
  },
  {
    uses: WRITES,
    lack: settingIs(
      "innodb_rollback_on_timeout",
      ["ON"],
      "a lock timeout would undo rows that Muster counts as stored",
      {
        mend: "set it to OFF in the server's configuration, and restart the server",
      },
    ),
  },
  { uses: WRITES, lack: statementBinlog },
  // A migration that is pending may still begin anew with such a table.
  { uses: WRITES.filter((use) => use !== "migrate"), lack: otherEngines },
  {
    uses: WRITES,
    lack: ({ variables }) => {
      const bytes = Number(variables.get("max_allowed_packet") ?? PACKET_BYTES_MIN);
      if (bytes >= PACKET_BYTES_MIN) return undefined;
      const wrong = `max_allowed_packet is ${bytes}, and Muster's statements need ${PACKET_BYTES_MIN}`;
      return { wrong, mend: "run: SET GLOBAL max_allowed_packet = 16777216" };
    },
  },
  { uses: ["import", "restore", "migrate"], lack: forbiddenEngine },
  {
    uses: ["migrate"],
    lack: ({ variables, database }) => {
      const characters = variables.get("character_set_database");
      if (characters === "utf8mb4") return undefined;
      const wrong = `the database keeps text as ${characters}, which cannot hold every name`;
      return { wrong, mend: `run: ALTER DATABASE ${quoted(database)} ${CHARACTERS}` };
    },
  },
  {
    uses: ["migrate"],
    lack: settingIs("innodb_default_row_format", ["compact", "redundant"], "its indexes are too short for Muster's", {
      mend: "run: SET GLOBAL innodb_default_row_format = 'dynamic'",
    }),
  },
  {
    uses: ["migrate"],
    lack: ({ variables }) => {
      const bytes = Number(variables.get("innodb_page_size") ?? PAGE_BYTES_MIN);
      if (bytes >= PAGE_BYTES_MIN) return undefined;
      const wrong = `innodb_page_size is ${bytes}: its indexes are too short for Muster's`;
      return { wrong, mend: `use a server whose data were made with ${PAGE_BYTES_MIN}` };
    },
  },
  ...USES.map((use) => ({ uses: [use], lack: (facts: Facts) => rightsLacking(facts, use) })),
];

/** The character set and collation of Muster's tables. */
export const CHARACTERS = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

/** What is wrong and what mends it, in one line. */
export const lineOf = ({ wrong, mend }: Lack): string => `${wrong}; ${mend}`;

/** What is not met for a use, the most telling first. */
export function lacksFor(facts: Facts, use: Use): Lack[] {
  return REQUIREMENTS.filter(({ uses }) => uses.includes(use)).flatMap(({ lack }) => lack(facts) ?? []);
}

/** The variables that are asked for. */
export const REQUIRED_VARIABLES = [
  ...["version", "read_only", "super_read_only", "innodb_read_only", "innodb_force_recovery"],
  ...["log_bin", "binlog_format", "innodb_rollback_on_timeout", "max_allowed_packet"],
  ...["enforce_storage_engine", "disabled_storage_engines", "character_set_database"],
  ...["innodb_default_row_format", "innodb_page_size"],
];

function tooOld({ variables }: Facts): Lack | undefined {
  const version = variables.get("version") ?? "";
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  const isMariaDb = /MariaDB/i.test(version);
  const [leastMajor, leastMinor] = isMariaDb ? [10, 6] : [8, 0];
  const isEnough = Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
  if (isEnough || major === "0") return undefined;
  const wrong = `the server is ${isMariaDb ? "" : "MySQL "}${version}, and Muster needs MySQL 8.0 or MariaDB 10.6`;
  return { wrong, mend: "upgrade it, or name another server in DATABASE_URL" };
}

const isOn = (value: string | undefined) => value !== undefined && !["OFF", "0", ""].includes(value.toUpperCase());

/** The setting by which a server takes no writes; undefined if it takes them. A user whom it lets write all the same is not let. */
export function readOnlyBy(variables: ReadonlyMap<string, string>): string | undefined {
  // 4 and more: InnoDB is read-only.
  if (Number(variables.get("innodb_force_recovery")) >= 4) return "innodb_force_recovery";
  return ["innodb_read_only", "super_read_only", "read_only"].find((name) => isOn(variables.get(name)));
}

function readOnlyServer({ variables }: Facts): Lack | undefined {
  const name = readOnlyBy(variables);
  if (name === undefined) return undefined;
  const mend = {
    super_read_only: "or run: SET GLOBAL super_read_only = OFF, read_only = OFF",
    read_only: "or run: SET GLOBAL read_only = OFF",
  }[name];
  const restart = `or restart it without ${name}`;
  return {
    wrong: `the server takes no writes: ${name} is ${variables.get(name)}`,
    mend: `name one that does in DATABASE_URL, ${mend ?? restart}`,
  };
}

/** @param bad the values that are not met */
function settingIs(name: string, bad: readonly string[], why: string, { mend }: { mend: string }) {
  return ({ variables }: Facts): Lack | undefined => {
    const value = variables.get(name);
    return value !== undefined && bad.includes(value) ? { wrong: `${name} is ${value}: ${why}`, mend } : undefined;
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
  return { wrong: `tables that are not InnoDB's cannot be undone: ${named}`, mend: `run: ${statements.join("; ")}` };
}

function forbiddenEngine({ variables }: Facts): Lack | undefined {
  const enforced = variables.get("enforce_storage_engine");
  if (enforced && enforced.toUpperCase() !== "INNODB") {
    const wrong = `enforce_storage_engine is ${enforced}: no InnoDB table can be made`;
    return { wrong, mend: "run: SET GLOBAL enforce_storage_engine = NULL" };
  }
  const disabled = (variables.get("disabled_storage_engines") ?? "").toUpperCase().split(",");
  if (!disabled.some((name) => name.trim() === "INNODB")) return undefined;
  return {
    wrong: "disabled_storage_engines has InnoDB: no InnoDB table can be made",
    mend: "remove it from the server's configuration, and restart the server",
  };
}

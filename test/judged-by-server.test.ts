/** The import of tables that the server judges: any key, unique constraints, references to the table itself, server defaults. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import {
  type AnyMySqlColumn,
  date,
  datetime,
  int,
  mysqlTable,
  primaryKey,
  unique,
  varchar,
} from "drizzle-orm/mysql-core";
import fc from "fast-check";
import type { RowDataPacket } from "mysql2/promise";
import { Dictionary } from "../src/codecs/dictionary.ts";
import type { Counts } from "../src/db/ledger.ts";
import { type ImportOptions, importSource } from "../src/ingest/import.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, GATES, hold, underWay } from "./support/observe.ts";

const teams = mysqlTable("teams", {
  code: varchar("code", { length: 20 }).primaryKey(),
  name: varchar("name", { length: 40 }).notNull().unique(),
});
const people = mysqlTable("people", {
  login: varchar("login", { length: 40 }).primaryKey(),
  email: varchar("email", { length: 80 }).unique(),
  team: varchar("team", { length: 20 }).references(() => teams.code),
  boss: varchar("boss", { length: 40 }).references((): AnyMySqlColumn => people.login),
  joined: datetime("joined", { fsp: 3, mode: "string" }).notNull().default(sql`(now(3))`),
});
const shifts = mysqlTable(
  "shifts",
  {
    login: varchar("login", { length: 40 }).references(() => people.login),
    day: date("day", { mode: "string" }),
    place: varchar("place", { length: 20 }),
    seat: int("seat"),
  },
  (table) => [primaryKey({ columns: [table.login, table.day] }), unique("shifts_seat").on(table.place, table.seat)],
);
const badges = mysqlTable("badges", {
  id: int("id").autoincrement().primaryKey(),
  code: varchar("code", { length: 10 }).notNull().unique(),
});
const loans = mysqlTable("loans", {
  id: int("id").autoincrement().primaryKey(),
  badge: int("badge").references(() => badges.id),
});
const offices = mysqlTable("offices", {
  id: int("id").autoincrement().primaryKey(),
  city: varchar("city", { length: 40 }).notNull(),
});
const doors = mysqlTable("doors", {
  code: varchar("code", { length: 10 }).primaryKey(),
  office: int("office").references(() => offices.id),
});
const DEFINITIONS = [
  "CREATE TABLE offices (id INT AUTO_INCREMENT PRIMARY KEY, city VARCHAR(40) NOT NULL)",
  `CREATE TABLE doors (code VARCHAR(10) PRIMARY KEY, office INT,
   CONSTRAINT doors_office FOREIGN KEY (office) REFERENCES offices (id))`,
  "CREATE TABLE teams (code VARCHAR(20) PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE)",
  `CREATE TABLE people (login VARCHAR(40) PRIMARY KEY, email VARCHAR(80) UNIQUE, team VARCHAR(20), boss VARCHAR(40),
   joined DATETIME(3) NOT NULL DEFAULT (NOW(3)), CONSTRAINT people_team FOREIGN KEY (team) REFERENCES teams (code),
   CONSTRAINT people_boss FOREIGN KEY (boss) REFERENCES people (login))`,
  `CREATE TABLE shifts (login VARCHAR(40), day DATE, place VARCHAR(20), seat INT, PRIMARY KEY (login, day),
   UNIQUE shifts_seat (place, seat), CONSTRAINT shifts_login FOREIGN KEY (login) REFERENCES people (login))`,
  "CREATE TABLE badges (id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(10) NOT NULL UNIQUE)",
  `CREATE TABLE loans (id INT AUTO_INCREMENT PRIMARY KEY, badge INT,
   CONSTRAINT loans_badge FOREIGN KEY (badge) REFERENCES badges (id))`,
];

const fresh = await freshDatabase();
const { pool } = fresh;
const dictionary = new Dictionary({ teams, people, shifts, badges, loans, offices, doors });
const database = { ...fresh, dictionary };
for (const definition of DEFINITIONS) await pool.query(definition);
await pool.query("INSERT INTO muster_gates VALUES ?", [dictionary.names.map((name) => [name])]);
afterAll(async () => {
  await fresh.close();
  await removeFolders();
});
beforeEach(async () => {
  await pool.query("UPDATE people SET boss = NULL");
  for (const name of dictionary.names.toReversed()) await pool.query(`DELETE FROM ${name}`);
  await fresh.empty();
});

async function load(files: Record<string, string>, options: Partial<ImportOptions> = {}) {
  const source = options.source ?? (await folderOf(files));
  const { run, tables } = await importSource(database, { source, report: { say() {} }, ...options });
  expect(await select("SHOW TABLES LIKE 'stage%'")).toEqual([]);
  const counts = tables as Partial<Record<string, Counts>>;
  for (const { received, inserted, unchanged, rejected, withheld } of Object.values(tables))
    expect(inserted + unchanged + rejected + withheld).toBe(received);
  return { source, run, counts };
}

async function select(statement: string): Promise<unknown[][]> {
  return (await pool.query<RowDataPacket[][]>({ sql: statement, rowsAsArray: true }))[0] as unknown[][];
}

/** The reasons of the open rejections, by their place. */
async function rejected(): Promise<Record<string, string[]>> {
  const open = await listRejections(fresh.db, { limit: 1000, state: "open" });
  return Object.fromEntries(
    open
      .map(
        ({ file, position, reasons }) =>
          [`${file}:${position}`, reasons.map(({ code, field, detail }) => `${code} (${field}): ${detail}`)] as const,
      )
      .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })),
  );
}

const logins = async () => (await select("SELECT login FROM people ORDER BY login")).flat();
const P = "login,email,team,boss,joined\n";

describe("a key of any kind", () => {
  test("is recognised when its rows come again, and refused with other values", async () => {
    const files = { "teams.csv": "a,Aces\nb,Bees\n" };
    expect((await load(files)).counts.teams).toMatchObject({ received: 2, inserted: 2 });
    expect((await load(files)).counts.teams).toMatchObject({ received: 2, unchanged: 2 });
    expect((await load({ "teams.csv": "a,Aces\nb,Wasps\nc,Cats\n" })).counts.teams).toMatchObject({
      ...{ received: 3, inserted: 1, unchanged: 1, rejected: 1 },
    });
    expect(await rejected()).toEqual({
      "teams.csv:2": ["duplicate_id (code): code b is taken by a row with other values"],
    });
  });

  test("is compared by the column's collation, and its row byte by byte", async () => {
    await load({ "teams.csv": "a,Aces\nA,Aces\na,Aces\na,aces\n" });
    expect(await select("SELECT code, name FROM teams")).toEqual([["a", "Aces"]]);
    expect(Object.keys(await rejected())).toEqual(["teams.csv:2", "teams.csv:4"]);
  });

  test("may have several columns", async () => {
    const day = "login,day,place,seat\nana,2021-01-01,hall,1\nana,2021-01-02,hall,2\nana,2021-01-01,hall,3\n";
    const { counts } = await load({ "people.csv": `${P}ana,,,,\n`, "shifts.csv": day });
    expect(counts.shifts).toMatchObject({ received: 3, inserted: 2, rejected: 1 });
    expect(await rejected()).toEqual({
      "shifts.csv:4": ["duplicate_id (login,day): login,day ana,2021-01-01 is taken by a row with other values"],
    });
  });
});

describe("a unique constraint", () => {
  test("gives the value to the first row that can be stored", async () => {
    await load({
      "teams.csv": "a,Aces\n",
      "people.csv": `${P}ana,x@y.z,none,,\nbob,X@y.z,a,,\neva,x@y.z,a,,\nbob,q@y.z,a,,\nflo,,a,,\ngus,,a,,\n`,
    });
    expect(await logins()).toEqual(["bob", "flo", "gus"]);
    expect(await rejected()).toEqual({
      "people.csv:2": ["unknown_reference (team): teams has no code none"],
      "people.csv:4": ["duplicate_value (email): email must be unique, and the same is in people.csv:3"],
      "people.csv:5": ["duplicate_id (login): login bob is taken by a row with other values"],
    });
  });

  test("names the stored row that has the value", async () => {
    await pool.query("INSERT INTO teams VALUES ('a b', 'Aces')");
    await load({ "teams.csv": "b,Aces\na b,Aces\n" });
    expect(await rejected()).toEqual({
      "teams.csv:1": ["duplicate_value (name): name must be unique, and the same is stored under code a%20b"],
    });
  });

  test("of several columns does not hold for rows with a null in one of them", async () => {
    const rows =
      "login,day,place,seat\nana,2021-01-01,hall,\nana,2021-01-02,hall,\nana,2021-01-03,hall,1\nana,2021-01-04,HALL,1\n";
    const { counts } = await load({ "people.csv": `${P}ana,,,,\n`, "shifts.csv": rows });
    expect(counts.shifts).toMatchObject({ inserted: 3, rejected: 1 });
  });

  test("does not hide the unknown reference of a row that is malformed as well", async () => {
    const rows = "login,day,place,seat\nnone,2021-02-30,hall,1\nana,2021-01-01,hall,x\nbob,2021-01-01,hall,1\n";
    await load({ "people.csv": `${P}ana,,,,\n`, "shifts.csv": rows });
    const codes = Object.entries(await rejected()).map(([place, reasons]) => [
      place,
      ...reasons.map((reason) => reason.split(":")[0]),
    ]);
    expect(codes).toEqual([
      ["shifts.csv:2", "invalid_datetime (day)", "unknown_reference (login)"],
      ["shifts.csv:3", "wrong_type (seat)"],
      ["shifts.csv:4", "unknown_reference (login)"],
    ]);
  });

  test("and another fault are both given as reasons", async () => {
    await pool.query("INSERT INTO people (login, email) VALUES ('ana', 'x@y.z')");
    await load({ "people.csv": `${P}bob,x@y.z,none,,\n` });
    expect((await rejected())["people.csv:2"]?.map((reason) => reason.split(":")[0])).toEqual([
      "unknown_reference (team)",
      "duplicate_value (email)",
    ]);
  });
});

describe("a reference to the same table", () => {
  test("may be to a later row, to the row itself, and in a circle", async () => {
    const { counts } = await load({ "people.csv": `${P}ana,,,bob,\nbob,,,cid,\ncid,,,ana,\ndan,,,dan,\neva,,,ana,\n` });
    expect(counts.people).toMatchObject({ inserted: 5 });
  });

  test("needs a row that is stored, as far down as it goes", async () => {
    await pool.query("INSERT INTO people (login) VALUES ('top')");
    await load({ "people.csv": `${P}d,,,c,\nc,,,b,\nb,,,a,\na,,,none,\ne,,,top,\nf,,,e,\n` });
    expect(await logins()).toEqual(["e", "f", "top"]);
    expect(Object.keys(await rejected())).toHaveLength(4);
  });

  test("to a row that loses its unique value is to none, and the loser's value is free again", async () => {
    // bob loses to ana; cid has no boss then; so dan gets cid's address.
    const rows = `${P}ana,x@y.z,,,\nbob,x@y.z,,,\ncid,c@y.z,,bob,\ndan,c@y.z,,,\n`;
    await load({ "people.csv": rows });
    expect(await logins()).toEqual(["ana", "dan"]);
    expect(Object.keys(await rejected())).toEqual(["people.csv:3", "people.csv:4"]);
  });
});

test("a column that the server computes takes any stored value as its own", async () => {
  const left = { "people.csv": `${P}ana,,,,\n` };
  expect((await load(left)).counts.people).toMatchObject({ inserted: 1 });
  expect((await load(left)).counts.people).toMatchObject({ unchanged: 1 });
  const [[joined] = []] = await select("SELECT joined > '2020-01-01' FROM people");
  expect(joined).toBe(1);
  const given = { "people.csv": `${P}ana,,,,2021-05-01T10:00:00Z\n` };
  expect((await load(given)).counts.people).toMatchObject({ rejected: 1 });
});

test("the database assigns ids beside a unique constraint", async () => {
  await pool.query("INSERT INTO badges (code) VALUES ('one')");
  const options = { options: { ids: "database" as const } };
  const { counts } = await load({ "badges.csv": "code\nOne\ntwo\nthree\ntwo\n" }, options);
  expect(counts.badges).toMatchObject({ received: 4, inserted: 2, rejected: 2 });
  const codes = (await select("SELECT code FROM badges ORDER BY id")).flat();
  expect(codes).toEqual(["one", "two", "three"]);
});

test("rows may refer to rows of the same import, if those are stored", async () => {
  const { counts } = await load({
    "badges.csv": "id,code\n5,five\n6,FIVE\n7,seven\n",
    "loans.csv": "id,badge\n1,5\n2,6\n3,7\n4,\n",
  });
  expect(counts.loans).toMatchObject({ received: 4, inserted: 3, rejected: 1 });
  const next = await pool.query("INSERT INTO badges (code) VALUES ('next')");
  expect(next).toMatchObject([{ insertId: 8 }, undefined]);
});

test("rows may not refer to the numbers of rows that get their ids from the database", async () => {
  const recipe = { files: [{ match: "offices*", ids: "database" as const }, {}] };
  const files = { "offices.csv": "city\nRome\nOslo\n", "doors.csv": "code,office\na,1\nb,\n" };
  await pool.query("ALTER TABLE offices AUTO_INCREMENT = 70");
  const { counts } = await load(files, { recipe });
  expect(counts.offices).toMatchObject({ inserted: 2 });
  expect(counts.doors).toMatchObject({ inserted: 1, rejected: 1 });
});

test("only new files are read, and changed ones again", async () => {
  const source = await folderOf({ "teams-1.csv": "a,Aces\n" });
  await load({}, { source, newOnly: true });
  expect((await load({}, { source, newOnly: true })).counts).toEqual({});
  await Bun.write(`${source}/teams-1.csv`, "a,Aces\nb,aces\n");
  const { counts } = await load({}, { source, newOnly: true, again: true });
  expect(counts.teams).toMatchObject({ unchanged: 1, rejected: 1 });
});

test("a dry run and a refused import give the same counts, and store nothing", async () => {
  const files = { "teams.csv": "a,Aces\nb,aces\nc,Cats\n" };
  expect((await load(files, { dryRun: true })).counts.teams).toMatchObject({ withheld: 2, rejected: 1 });
  expect(await rejected()).toEqual({});
  const refused = await load(files, { maxRejects: { rows: 0 } });
  expect(refused.counts.teams).toMatchObject({ withheld: 2, rejected: 1, inserted: 0 });
  expect(Object.keys(await rejected())).toEqual(["teams.csv:2"]);
  expect(await select("SELECT * FROM teams")).toEqual([]);
});

describe("what changes between the verdicts and the publish", () => {
  test("rows that others store or delete meanwhile are judged again", async () => {
    await pool.query("INSERT INTO teams VALUES ('a', 'Aces'), ('b', 'Bees')");
    const release = await hold(pool, GATES);
    const rows = ["ana,,,,2021-05-01T10:00:00Z", "bob,,,,", "cid,x@y.z,,,", "dan,,b,,", "eva,,a,dan,", "flo,,a,flo,"];
    const loading = load({ "people.csv": P + rows.map((row) => `${row}\n`).join("") });
    await underWay(fresh, AT_THE_GATE);
    await pool.query(`INSERT INTO people (login, email, joined) VALUES ('ana', NULL, '2021-05-01 10:00:00'),
      ('bob', 'bob@y.z', '2021-05-01'), ('gus', 'X@Y.Z', '2021-05-01')`);
    await pool.query("DELETE FROM teams WHERE code = 'b'");
    await release();
    const { counts } = await loading;
    expect(counts.people).toMatchObject({ received: 6, inserted: 1, unchanged: 1, rejected: 4 });
    expect(await rejected()).toEqual({
      "people.csv:3": ["duplicate_id (login): login bob is taken by a row with other values"],
      "people.csv:4": ["duplicate_value (email): email must be unique, and the same is stored under login gus"],
      "people.csv:5": ["unknown_reference (team): teams has no code b"],
      "people.csv:6": ["unknown_reference (boss): people has no login dan"],
    });
  });

  test("a row that the database refuses takes its repetitions and the rows below it along", async () => {
    await pool.query("ALTER TABLE people ADD CONSTRAINT people_rule CHECK (login <> 'bad')");
    try {
      const rows = ["bad,,,,", "ana,,,bad,", "bob,,,ana,", "cid,,,,", "bad,,,,"];
      const { counts } = await load({ "people.csv": P + rows.map((row) => `${row}\n`).join("") });
      expect(counts.people).toMatchObject({ received: 5, inserted: 1, rejected: 4 });
      expect(await logins()).toEqual(["cid"]);
      const codes = Object.entries(await rejected()).map(
        ([place, [reason = ""]]) => `${place} ${reason.split(" ")[0]}`,
      );
      expect(codes).toEqual([
        "people.csv:2 refused_by_database",
        "people.csv:3 unknown_reference",
        "people.csv:4 unknown_reference",
        "people.csv:6 refused_by_database",
      ]);
    } finally {
      await pool.query("ALTER TABLE people DROP CONSTRAINT people_rule");
    }
  });

  test("too many rows that the database refuses leave the table as it was", async () => {
    await pool.query("ALTER TABLE teams ADD CONSTRAINT teams_rule CHECK (name <> 'bad')");
    try {
      const { counts } = await load({ "teams.csv": "a,bad\nb,Bees\nc,Cats\n" }, { maxRejects: { rows: 0 } });
      expect(counts.teams).toMatchObject({ received: 3, withheld: 2, rejected: 1 });
      expect(Object.keys(await rejected())).toEqual(["teams.csv:1"]);
      expect(await select("SELECT * FROM teams")).toEqual([]);
    } finally {
      await pool.query("ALTER TABLE teams DROP CONSTRAINT teams_rule");
    }
  });

  test("many refused rows are found by few statements, and each is told", async () => {
    await pool.query("ALTER TABLE badges ADD CONSTRAINT badges_rule CHECK (code NOT LIKE '%3')");
    try {
      const rows = Array.from({ length: 900 }, (_, index) => `${900 - index},code ${index}\n`).join("");
      const { counts } = await load({ "badges.csv": rows });
      expect(counts.badges).toMatchObject({ received: 900, inserted: 810, rejected: 90 });
      const [[stored] = []] = await select("SELECT COUNT(*) FROM badges WHERE CONCAT('code ', 900 - id) = code");
      expect(stored).toBe(810);
    } finally {
      await pool.query("ALTER TABLE badges DROP CONSTRAINT badges_rule");
    }
  });
});

describe("any rows", () => {
  const row = fc.record({
    login: fc.constantFrom("a", "b", "c", "d", "e"),
    email: fc.constantFrom("", "", "u", "v", "w"),
    boss: fc.constantFrom("", "", "", "a", "b", "c", "d", "e", "none"),
  });
  type Person = { login: string; email: string; boss: string };

  test("end as if they were stored one by one", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 4 }), fc.array(row, { maxLength: 12 }), async (before, rows) => {
        await pool.query("UPDATE people SET boss = NULL");
        await pool.query("DELETE FROM people");
        await fresh.empty();
        const text = (people: Person[]) =>
          `login,email,boss\n${people.map((each) => `${each.login},${each.email},${each.boss}\n`).join("")}`;
        if (before.length > 0) await load({ "people.csv": text(before) });
        const there = await stored();
        await fresh.empty();
        if (rows.length === 0) return;
        const { counts } = await load({ "people.csv": text(rows) });
        const want = model(there, rows);
        expect(await stored()).toEqual([...there, ...want.accepted].sort((a, b) => a.login.localeCompare(b.login)));
        const { inserted = 0, unchanged = 0 } = counts.people ?? {};
        expect([inserted, unchanged]).toEqual([want.accepted.length, want.unchanged]);
        expect(Object.keys(await rejected())).toHaveLength(rows.length - inserted - unchanged);
      }),
      { numRuns: 25 },
    );
  });

  const stored = async (): Promise<Person[]> => {
    const rows = await select("SELECT login, COALESCE(email, ''), COALESCE(boss, '') FROM people ORDER BY login");
    return rows.map(([login, email, boss]) => ({ login, email, boss })) as Person[];
  };

  /** Orphans first, then the first row wins; if an accepted row has lost its parent, all begins again without it. */
  function model(there: Person[], rows: Person[]): { accepted: Person[]; unchanged: number } {
    const orphans = new Set<Person>();
    const isStored = (login: string) => there.some((each) => each.login === login);
    const isFree = (each: Person) =>
      !isStored(each.login) && (each.email === "" || !there.some(({ email }) => email === each.email));
    for (;;) {
      const peel = (parents: () => Person[]) => {
        for (let found = -1; found !== 0; ) {
          const lost = rows.filter(
            (each) =>
              !(each.boss === "" || isStored(each.boss) || each.boss === each.login || orphans.has(each)) &&
              !parents().some(({ login }) => login === each.boss),
          );
          for (const each of lost) orphans.add(each);
          found = lost.length;
        }
      };
      peel(() => rows.filter((each) => isFree(each) && !orphans.has(each)));
      const accepted: Person[] = [];
      for (const each of rows) {
        const rival = accepted.some(
          ({ login, email }) => login === each.login || (email !== "" && email === each.email),
        );
        if (isFree(each) && !orphans.has(each) && !rival) accepted.push(each);
      }
      const before = orphans.size;
      peel(() => accepted.filter((each) => !orphans.has(each)));
      if (orphans.size > before) continue;
      const same = (a: Person, b: Person) => a.login === b.login && a.email === b.email && a.boss === b.boss;
      const repeats = rows.filter(
        (each) =>
          !accepted.includes(each) && !orphans.has(each) && [...there, ...accepted].some((one) => same(one, each)),
      );
      return { accepted, unchanged: repeats.length };
    }
  }
});

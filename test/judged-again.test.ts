/** Tables that the server judges: what changes between the verdicts and the publish, and rows that the database refuses then. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { judgedTables, PEOPLE as P } from "./support/judged-tables.ts";
import { AT_THE_GATE, GATES, hold, underWay } from "./support/observe.ts";

const { database, pool, empty, close, load, select, rejected, logins } = await judgedTables();
afterAll(close);
beforeEach(empty);

test("rows that others store or delete meanwhile are judged again", async () => {
  await pool.query("INSERT INTO teams VALUES ('a', 'Aces'), ('b', 'Bees')");
  const release = await hold(pool, GATES);
  const rows = ["ana,,,,2021-05-01T10:00:00Z", "bob,,,,", "cid,x@y.z,,,", "dan,,b,,", "eva,,a,dan,", "flo,,a,flo,"];
  const loading = load({ "people.csv": P + rows.map((row) => `${row}\n`).join("") });
  await underWay(database, AT_THE_GATE);
  await pool.query(`INSERT INTO people (login, email, joined) VALUES ('ana', NULL, '2021-05-01 10:00:00'),
      ('bob', 'bob@y.z', '2021-05-01'), ('gus', 'X@Y.Z', '2021-05-01')`);
  await pool.query("DELETE FROM teams WHERE code = 'b'");
  await release();
  const { counts } = await loading;
  expect(counts.people).toMatchObject({ received: 6, inserted: 1, unchanged: 1, rejected: 4 });
  expect(await rejected()).toEqual({
    "people.csv:3": ["duplicate_id (login): login bob is taken by a row with other values"],
    "people.csv:4": ["duplicate_value (email): email must be unique, and the same value is stored under login gus"],
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
    const codes = Object.entries(await rejected()).map(([place, [reason = ""]]) => `${place} ${reason.split(" ")[0]}`);
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

test.each([
  ["wards", "65535,good\n7,bad\n1,good\n"],
  ["floors", "-7,bad\n7,good\n-7,bad\n0,good\n-2147483648,good\n"],
])("a refused row of %s is told, whatever its key is", async (name, text) => {
  await pool.query(`ALTER TABLE ${name} ADD CONSTRAINT rule CHECK (label <> 'bad')`);
  // With a row in it, the table is filled by INSERT.
  await pool.query(`INSERT INTO ${name} VALUES (9, 'there')`);
  try {
    const { counts } = await load({ [`${name}.csv`]: text });
    const bad = text.split("bad").length - 1;
    expect(counts[name]).toMatchObject({ rejected: bad, inserted: text.split("good").length - 1 });
    expect(Object.values(await rejected()).flat()).toEqual(
      Array(bad).fill(expect.stringContaining("refused_by_database")),
    );
  } finally {
    await pool.query(`ALTER TABLE ${name} DROP CONSTRAINT rule`);
  }
});

test("a key that another program takes meanwhile is a duplicate, also if it is unsigned or negative", async () => {
  // With a row in them, the tables are filled by INSERT.
  await pool.query("INSERT INTO wards VALUES (9, 'there')");
  await pool.query("INSERT INTO floors VALUES (9, 'there')");
  const release = await hold(pool, GATES);
  const loading = load({ "wards.csv": "65535,ours\n7,ours\n", "floors.csv": "-7,ours\n7,ours\n" });
  await underWay(database, AT_THE_GATE);
  await pool.query("INSERT INTO wards VALUES (65535, 'theirs')");
  await pool.query("INSERT INTO floors VALUES (-7, 'theirs')");
  await release();
  const { counts } = await loading;
  expect(counts).toMatchObject({ wards: { inserted: 1, rejected: 1 }, floors: { inserted: 1, rejected: 1 } });
  expect(await rejected()).toEqual({
    "floors.csv:1": ["duplicate_id (level): level -7 is taken by a row with other values"],
    "wards.csv:1": ["duplicate_id (code): code 65535 is taken by a row with other values"],
  });
});

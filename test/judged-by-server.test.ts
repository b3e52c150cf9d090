/** The import of tables that the server judges: any key, unique constraints, references to the table itself, server defaults. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { folderOf } from "./support/files.ts";
import { judgedTables, PEOPLE as P } from "./support/judged-tables.ts";

const { pool, empty, close, load, select, rejected, logins } = await judgedTables();
afterAll(close);
beforeEach(empty);

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
      "people.csv:4": ["duplicate_value (email): email must be unique, and the same value is in people.csv:3"],
      "people.csv:5": ["duplicate_id (login): login bob is taken by a row with other values"],
    });
  });

  test("names the stored row that has the value", async () => {
    await pool.query("INSERT INTO teams VALUES ('a b', 'Aces')");
    await load({ "teams.csv": "b,Aces\na b,Aces\n" });
    expect(await rejected()).toEqual({
      "teams.csv:1": ["duplicate_value (name): name must be unique, and the same value is stored under code a%20b"],
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

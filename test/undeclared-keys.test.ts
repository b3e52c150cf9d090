/** A table that refers to itself, with a foreign key that only the server knows, as in an adopted database. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { removeFolders } from "./support/files.ts";
import { KEYS, KEYS_CHILDREN_FIRST } from "./support/kinds-schema.ts";
import { notOnTidb } from "./support/missing.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith(KEYS);
afterAll(async () => {
  await muster.close();
  await removeFolders();
});
beforeEach(() => muster.empty(...KEYS_CHILDREN_FIRST));

await muster.select("CREATE TABLE offices (name VARCHAR(80) PRIMARY KEY) ENGINE=InnoDB");
await muster.select("INSERT INTO offices VALUES ('north')");
await muster.select("ALTER TABLE people ADD CONSTRAINT of_office FOREIGN KEY (name) REFERENCES offices (name)");

// The same column refers to people too, as the schema declares, and to another table.
await muster.select("CREATE TABLE leaders (login VARCHAR(40) PRIMARY KEY) ENGINE=InnoDB");
await muster.select("INSERT INTO leaders VALUES ('ana'), ('bo')");
await muster.select("ALTER TABLE people ADD CONSTRAINT of_leader FOREIGN KEY (manager) REFERENCES leaders (login)");

test("a second foreign key of a column that the schema declares once is verified too", async () => {
  const { tables } = await muster.load({ "people.csv": "cy,north,ana\nana,north,\ndi,north,cy\n" });
  expect(tables.people).toMatchObject({ received: 3, inserted: 2, rejected: 1 });
  const { inserted, rejected } = await muster.post("/people", [
    { login: "ed", name: "north", manager: "cy" },
    { login: "fy", name: "north", manager: "ana" },
  ]);
  expect([inserted, rejected]).toEqual([1, 1]);
});

const CODES = [["refused_by_database"], ["unknown_reference"]];

test("a file's rows that break it are rejected, and so are the rows below them", async () => {
  const { run, tables } = await muster.load({ "people.csv": "cy,north,bo\nbo,south,ana\nana,north,\n" });
  expect(tables.people).toMatchObject({ received: 3, inserted: 1, rejected: 2 });
  const codes = (await muster.rejected(run)).map(({ reasons }) => reasons.map(({ code }): string => code));
  expect(codes).toEqual([...CODES].reverse());
  expect(await muster.select("SELECT login FROM people")).toMatchObject([{ login: "ana" }]);
});

test("a request's rows that break it are rejected, and so are the rows below them", async () => {
  const { rows } = await muster.post("/people", [
    { login: "bo", name: "south", manager: "ana" },
    { login: "cy", name: "north", manager: "bo" },
    { login: "ana", name: "north", manager: null },
  ]);
  expect(rows.map(({ status, reasons }) => reasons?.map(({ code }) => code) ?? status)).toEqual([...CODES, "inserted"]);
  expect(await muster.select("SELECT login FROM people")).toMatchObject([{ login: "ana" }]);
});

const triggers = notOnTidb("it has no triggers");
test.skipIf(triggers !== "")(
  `beside a trigger the server checks every row, so a row must come after the row that it refers to${triggers}`,
  async () => {
    await muster.select(
      "CREATE TABLE notes (name VARCHAR(80), FOREIGN KEY (name) REFERENCES offices (name)) ENGINE=InnoDB",
    );
    await muster.select(
      "CREATE TRIGGER noted AFTER INSERT ON people FOR EACH ROW INSERT INTO notes VALUES (IF(NEW.login = 'bo', 'none', NEW.name))",
    );
    const { tables } = await muster.load({ "people.csv": "ana,north,\nbo,north,ana\ncy,north,ana\n" });
    expect(tables.people).toMatchObject({ received: 3, inserted: 2, rejected: 1 });
    const { inserted, rejected } = await muster.post("/people", [
      { login: "di", name: "north", manager: "ana" },
      { login: "BO", name: "north", manager: null },
    ]);
    expect([inserted, rejected]).toEqual([1, 1]);
    expect(await muster.select("SELECT COUNT(*) AS n FROM notes WHERE name = 'none'")).toMatchObject([{ n: 0 }]);
    await muster.select("DROP TRIGGER noted");
  },
);

/** Backups and restores of tables with any key, unique constraints, references to themselves and foreign keys that act. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { verify } from "../src/backups/verify.ts";
import { connect } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { notOnTidb, withoutSwap } from "./support/missing.ts";
import { hold, select, underWay } from "./support/observe.ts";
import { dictionary, studio } from "./support/studio.ts";
import { removeOthers, userWith } from "./support/users.ts";

const { database, tables, bytes, empty, run } = await studio();
const { pool } = database;
const store = new DirectoryStore(await folderOf({}));
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(empty);

const said: string[] = [];
const report = { say: (line: string) => void said.push(line) };
const keep = (...names: string[]) => backup(database, store, { tables: tables(...names), codec: "deflate", report });
const bring = (...names: string[]) => restore(database, store, { tables: tables(...names), backup: "latest", report });
const planned = (...names: string[]) =>
  restore(database, store, { tables: tables(...names), backup: "latest", plan: true, report });

const ROWS = [
  "INSERT INTO films VALUES ('ana', 'Ana', NULL), ('b,1', 'Bo', 'ana'), ('c%', 'Cy', 'b,1'), ('d', 'Di', 'd')",
  "INSERT INTO casts (film, place, name) VALUES ('ana', -3, 'x'), ('ana', 2, 'y'), ('b,1', 2, 'z'), ('d', 0, 'é')",
  `INSERT INTO takes VALUES (0, 'ana', -3, '1000-01-01'), (9007199254740993, 'ANA', 2, '2024-02-29'),
     (18446744073709551615, NULL, 7, '9999-12-31')`,
  "INSERT INTO staff VALUES (1, NULL, 'a', 1, 1), (2, 1, 'b', 1, 2), (3, 2, 'c', 1, NULL), (4, 4, 'd', 1, NULL)",
  "INSERT INTO notes VALUES (1, 3, '2020-01-01 00:00:00'), (2, NULL, '2021-01-01 00:00:00')",
  "INSERT INTO days VALUES ('1000-01-01', 'first'), ('2024-02-29', NULL)",
  "INSERT INTO labels VALUES (1, -1, 'a'), (2, -1, 'b'), (7, 3, 'a')",
  "INSERT INTO tags VALUES (1, -1, 'A'), (2, 3, 'a'), (3, NULL, 'none'), (4, 9, NULL)",
  `INSERT INTO reels VALUES (REPEAT(X'00', 16), NULL, 0.1, b'1', 'red,blue', X'00FF0A5C2709'),
     (REPEAT(X'FF', 16), REPEAT(X'00', 16), -16777217, b'0', '', ''), ('a uuid, or such.', REPEAT(X'FF', 16), NULL, b'1', 'blue', NULL)`,
  "INSERT INTO tickets VALUES (18446744073709551610, 'Ana'), (9007199254740993, 'Bo')",
];

const CHANGES: [name: string, ...statements: string[]][] = [
  ["nothing"],
  [
    "a key in other letters",
    "DELETE FROM takes",
    "UPDATE films SET sequel_of = NULL",
    "UPDATE films SET code = 'ANA' WHERE code = 'ana'",
  ],
  [
    "a key in other letters that nothing refers to",
    "UPDATE films SET sequel_of = NULL",
    "DELETE FROM casts WHERE film = 'd'",
    "UPDATE films SET code = 'D' WHERE code = 'd'",
  ],
  ["a unique value in other letters", "UPDATE films SET title = 'ANA' WHERE code = 'ana'"],
  [
    "two rows that swapped their unique values",
    ...["UPDATE staff SET email = 'x' WHERE id = 1", "UPDATE staff SET email = 'a' WHERE id = 2"],
    "UPDATE staff SET email = 'b' WHERE id = 1",
  ],
  [
    "two rows that swapped the values of a constraint of two columns",
    ...["UPDATE staff SET desk = 9 WHERE id = 1", "UPDATE staff SET desk = 1 WHERE id = 2"],
    "UPDATE staff SET desk = 2 WHERE id = 1",
  ],
  [
    "a new row with the unique value of a deleted one",
    ...["DELETE FROM labels WHERE id = 2", "INSERT INTO labels VALUES (3, -1, 'B')"],
  ],
  [
    "unique values that moved, with the rows that refer to them",
    ...["DELETE FROM tags", "UPDATE labels SET label = 'c' WHERE id = 1", "UPDATE labels SET label = 'A' WHERE id = 2"],
    "INSERT INTO tags VALUES (2, -1, 'a'), (9, -1, 'c')",
  ],
  ["a float in its last bit", "UPDATE reels SET weight = 0.10000001 WHERE weight < 1 AND weight > 0"],
  [
    "bits, sets and bytes",
    "UPDATE reels SET open = b'0', colours = 'red'",
    "UPDATE reels SET image = X'00FF0A5C27' WHERE image > ''",
  ],
  [
    "binary keys",
    "UPDATE reels SET `before` = NULL",
    "DELETE FROM reels WHERE weight < 0",
    "UPDATE reels SET uuid = 'A uuid, or such.' WHERE weight IS NULL",
  ],
  [
    "rows that turned around whom they refer to",
    ...[
      "UPDATE staff SET boss = NULL",
      "UPDATE staff SET boss = 3 WHERE id IN (1, 2)",
      "UPDATE staff SET boss = 1 WHERE id = 4",
    ],
    ...["UPDATE films SET sequel_of = NULL", "UPDATE films SET sequel_of = 'c%' WHERE code = 'ana'"],
  ],
  [
    "new rows that refer to each other",
    "INSERT INTO staff VALUES (8, NULL, 'h', 2, 1), (9, 8, 'i', 2, 2)",
    "UPDATE staff SET boss = 9 WHERE id = 8",
  ],
  ["a parent whose rows were deleted with it", "DELETE FROM takes", "DELETE FROM films WHERE code = 'ana'"],
  [
    "a parent whose key was changed in its rows too",
    "DELETE FROM takes",
    "UPDATE films SET sequel_of = NULL",
    "UPDATE films SET code = 'e' WHERE code = 'ana'",
  ],
  ["a parent that its rows lost", "UPDATE staff SET boss = NULL WHERE id = 4", "DELETE FROM staff WHERE id = 3"],
  [
    "bigint keys beyond the exact numbers",
    "UPDATE takes SET id = id - 1 WHERE id > 5",
    "INSERT INTO takes VALUES (7, NULL, NULL, '2020-01-01')",
  ],
  [
    "days",
    "UPDATE days SET day = '0999-12-31' WHERE day = '1000-01-01'",
    "INSERT INTO days VALUES ('2000-01-01', 'new')",
  ],
  [
    "everything gone",
    "DELETE FROM takes",
    "DELETE FROM casts",
    "DELETE FROM films",
    "DELETE FROM notes",
    "UPDATE staff SET boss = NULL",
    "DELETE FROM staff",
    "DELETE FROM days",
    "DELETE FROM tags",
    "DELETE FROM labels",
  ],
];

test.each(CHANGES)("restores every byte after %s", async (_, ...statements) => {
  await run(...ROWS);
  const before = await bytes();
  const { manifest } = await keep();
  await verify(database, store, { id: manifest.id, report });
  await run(...statements);
  const plan = await planned();
  const { tables: counts } = await bring();
  expect(await bytes()).toEqual(before);
  expect(counts).toEqual(plan.tables);
  for (const [name, each] of Object.entries(counts))
    expect([name, each.inserted + each.updated + each.unchanged]).toEqual([name, each.received]);
  const again = Object.values((await bring()).tables);
  expect(again.every((each) => each.unchanged === each.received && each.deleted === 0)).toBe(true);
});

test("one table of them is restored alone", async () => {
  await run(...ROWS);
  const before = await bytes();
  await keep();
  for (const [name, change] of [
    ["films", "UPDATE films SET title = CONCAT(title, '!')"],
    ["casts", "UPDATE casts SET name = 'changed' WHERE place = 2"],
    ["takes", "DELETE FROM takes WHERE id > 0"],
    ["staff", "UPDATE staff SET floor = 7"],
    ["notes", "INSERT INTO notes (staff_id) VALUES (1)"],
    ["days", "INSERT INTO days VALUES ('2000-01-01', 'new')"],
    ["labels", "DELETE FROM labels WHERE id = 2"],
    ["tags", "UPDATE tags SET label = 'b' WHERE id = 1"],
  ] as const) {
    await run(change);
    await bring(name);
    expect(await bytes()).toEqual(before);
  }
});

test.skipIf(withoutSwap !== "")(
  `a table is swapped if its definition is as declared, with its unique and composite keys${withoutSwap}`,
  async () => {
    await run(...ROWS);
    await keep();
    await run("DELETE FROM tags WHERE id = 2", "DELETE FROM takes WHERE id = 0", "DELETE FROM days");
    said.length = 0;
    for (const name of ["tags", "takes", "days", "casts", "notes"]) await bring(name);
    expect(said).toEqual([]);
    await run("ALTER TABLE tags ADD KEY more (label)");
    await bring("tags");
    expect(said.join()).toContain("tags is restored row by row: it is not as its migrations make it, it has");
    await run("ALTER TABLE tags DROP KEY more");
  },
);

const largeNextIds = notOnTidb("it tells no next id beyond 2^63");

test.skipIf(largeNextIds !== "")(
  `the next id of a bigint is exact beyond 2^53, and never gets lower${largeNextIds}`,
  async () => {
    await run("INSERT INTO tickets VALUES (18446744073709551610, 'Ana')");
    const { manifest } = await keep("tickets");
    expect(manifest.tables[0]?.auto_increment).toBe("18446744073709551611");
    for (const change of ["TRUNCATE tickets", "DELETE FROM tickets"]) {
      await run(change);
      await bring("tickets");
      await run("INSERT INTO tickets (guest) VALUES ('Bo')");
      expect(await select(pool, "SELECT CAST(MAX(id) AS CHAR) AS id FROM tickets")).toMatchObject([
        { id: change.startsWith("TRUNCATE") ? "18446744073709551611" : "18446744073709551612" },
      ]);
    }
  },
);

test("pages of a binary key lose and repeat no row", async () => {
  const rows = Array.from({ length: 5_000 }, (_, n) => [
    ...[
      Buffer.from(new Bun.CryptoHasher("md5").update(String(n)).digest()),
      null,
      n / 8,
      n % 2,
      "red",
      Buffer.from([n % 256]),
    ],
  ]);
  await pool.query("INSERT INTO reels VALUES ?", [rows]);
  const before = await bytes("reels");
  const { manifest } = await keep("reels");
  await verify(database, store, { id: manifest.id, report });
  await run("DELETE FROM reels WHERE open = 1", "UPDATE reels SET weight = weight + 1 WHERE weight < 100");
  await bring("reels");
  expect(await bytes("reels")).toEqual(before);
});

const PLACES = ["A", "á b", "b"].flatMap((film, index) =>
  Array.from({ length: [30_000, 1_200, 5][index] ?? 0 }, (_, place) => [film, place - 15_000, `n${place}`]),
);

/** Fills casts with pages whose rows share the first column of their key. */
async function fillCasts(): Promise<void> {
  await run("INSERT INTO films VALUES ('A', 'A', NULL), ('á b', 'B', NULL), ('b', 'D', NULL)");
  await pool.query("INSERT INTO casts (film, place, name) VALUES ?", [PLACES]);
}

test("pages of a composite key lose and repeat no row, whatever shares the first column", async () => {
  await fillCasts();
  const { manifest } = await keep("casts");
  expect(manifest.tables[0]?.rows).toBe(PLACES.length);
  await verify(database, store, { id: manifest.id, report });
  await run("DELETE FROM casts WHERE place % 3 = 0", "UPDATE casts SET name = 'new' WHERE place % 5 = 0");
  await bring("casts");
  expect(await select(pool, "SELECT COUNT(*) AS n, SUM(name = CONCAT('n', place + 15000)) AS same FROM casts")).toEqual(
    [expect.objectContaining({ n: PLACES.length, same: String(PLACES.length) })],
  );
});

const countsReads = notOnTidb("it does not count the rows that it reads");

test.skipIf(countsReads !== "")(
  `every page of a composite key begins at its place in the index${countsReads}`,
  async () => {
    await fillCasts();
    const read = async () => Number((await select(pool, "SHOW GLOBAL STATUS LIKE 'Handler_read_next'"))[0]?.Value);
    let least = Number.POSITIVE_INFINITY;
    // Other test files read from the server at the same time, so the least of several counts is taken.
    for (let attempt = 0; attempt < 300 && least >= 3 * PLACES.length; attempt++) {
      const before = await read();
      await keep("casts");
      least = Math.min(least, (await read()) - before);
    }
    // If a page did not begin there, a hundred times as many rows would be read.
    expect(least).toBeLessThan(3 * PLACES.length);
  },
);

async function expectRefused(restored: Promise<unknown>, code: string, line: RegExp | string) {
  const before = await bytes();
  const outcome = await restored.catch((error) => error);
  expect(outcome).toMatchObject({
    code,
    message: typeof line === "string" ? expect.stringContaining(line) : expect.stringMatching(line),
  });
  expect(await bytes()).toEqual(before);
}

test("no row of a table that is not restored is deleted or changed, whatever its foreign key does", async () => {
  await run(...ROWS);
  await keep();
  await run(
    "INSERT INTO films VALUES ('new', 'New', NULL)",
    "INSERT INTO casts (film, place, name) VALUES ('NEW', 1, 'x')",
  );
  await expectRefused(
    bring("films"),
    "conflict",
    "rows of casts: 1 would lose their parent (casts NEW,1 refer to films NEW): restore casts and films together",
  );
  await run("INSERT INTO staff VALUES (9, NULL, 'i', 2, 2)", "INSERT INTO notes (id, staff_id) VALUES (5, 9)");
  await expectRefused(bring("staff"), "conflict", "(notes 5 refer to staff 9): restore notes and staff together");
  await run("INSERT INTO takes VALUES (5, 'new', 1, '2020-01-01')");
  await expectRefused(bring("films", "casts"), "conflict", "(takes 5 refer to casts new,1)");
  await bring();
});

const OTHERS = [
  ["RESTRICT", "refer to rows of films that the backup lacks"],
  ["CASCADE", "would be deleted with rows of films that the backup lacks"],
  ["SET NULL", "would be changed with rows of films that the backup lacks"],
] as const;

test.each(OTHERS)(
  "rows of another program that refer to one of these tables ON DELETE %s are safe",
  async (rule, line) => {
    await run(...ROWS);
    await keep();
    await run(
      "INSERT INTO films VALUES ('new', 'New', NULL)",
      `CREATE TABLE prizes (film varchar(20), CONSTRAINT prize FOREIGN KEY (film) REFERENCES films (code) ON DELETE ${rule})`,
      "INSERT INTO prizes VALUES ('new'), ('ana')",
    );
    try {
      await expectRefused(bring("films"), "conflict", line);
      await run("DELETE FROM prizes WHERE film = 'new'", "UPDATE films SET title = 'other' WHERE code = 'ana'");
      await bring("films");
      expect(await select(pool, "SELECT film FROM prizes")).toEqual([expect.objectContaining({ film: "ana" })]);
    } finally {
      await run("DROP TABLE prizes");
    }
  },
);

test("a row that another program adds while a restore waits keeps its parent", async () => {
  await run(...ROWS);
  await keep();
  await run(
    "INSERT INTO films VALUES ('new', 'New', NULL)",
    "CREATE TABLE prizes (film varchar(20), CONSTRAINT prize FOREIGN KEY (film) REFERENCES films (code) ON DELETE CASCADE)",
  );
  const other = await pool.getConnection();
  await other.beginTransaction();
  await other.query("INSERT INTO prizes VALUES ('new')");
  const restored = bring("films");
  const outcome = restored.then(
    () => "restored",
    (error) => error.message,
  );
  await underWay(database, /FOR UPDATE$/);
  await other.commit();
  other.release();
  expect(await outcome).toContain("would be deleted with rows of films that the backup lacks");
  expect(await select(pool, "SELECT film FROM prizes")).toHaveLength(1);
  await run("DROP TABLE prizes");
});

test("a restore that loses its connection half-way changes nothing, and leaves foreign keys checked", async () => {
  await run(...ROWS);
  await keep();
  await run("UPDATE staff SET boss = NULL", "UPDATE staff SET email = CONCAT(email, '2')");
  const before = await bytes();
  const release = await hold(pool, "SELECT * FROM staff WHERE id = 4 FOR UPDATE");
  const outcome = bring("staff").then(
    () => "restored",
    () => "failed",
  );
  const waits = /`staff`.* FOR UPDATE$/;
  await underWay(database, waits);
  // Other test files use the same server.
  const [waiting] = (await select(pool, "SHOW FULL PROCESSLIST")).filter(
    ({ db, Info }) => db === database.name && waits.test(Info ?? ""),
  );
  await pool.query("KILL ?", [waiting?.Id]);
  expect(await outcome).toBe("failed");
  await release();
  expect(await bytes()).toEqual(before);
  await bring("staff");
  const taken = await Promise.all(Array.from({ length: 8 }, () => pool.getConnection()));
  for (const connection of taken) {
    const [[checks]] = await connection.query<RowDataPacket[]>("SELECT @@foreign_key_checks AS on_");
    expect(checks?.on_).toBe(1);
    connection.release();
  }
});

const triggers = notOnTidb("it has no triggers");

test.skipIf(triggers !== "")(
  `a trigger on a table that is written with foreign key checks off refuses the restore${triggers}`,
  async () => {
    await run(...ROWS);
    await keep();
    await run("CREATE TRIGGER audit AFTER INSERT ON staff FOR EACH ROW SET @seen = 1");
    try {
      await bring("staff");
      await run("UPDATE staff SET desk = 5 WHERE id = 4");
      await expectRefused(planned("staff"), "conflict", "drop the trigger audit for the restore");
      await expectRefused(bring("staff"), "conflict", "drop the trigger audit for the restore");
    } finally {
      await run("DROP TRIGGER audit");
    }
    await bring("staff");
  },
);

test("a column of another program keeps its values", async () => {
  await run(...ROWS);
  await keep();
  await run("ALTER TABLE staff ADD phone int DEFAULT 5");
  try {
    await run(
      "UPDATE staff SET phone = 70 + id",
      "UPDATE staff SET boss = 4, floor = 3",
      "INSERT INTO staff (id, email) VALUES (9, 'i')",
    );
    await bring("staff");
    expect((await select(pool, "SELECT phone FROM staff ORDER BY id")).map(({ phone }) => phone)).toEqual([
      71, 72, 73, 74,
    ]);
    await run("UPDATE staff SET email = 'x' WHERE id = 1", "UPDATE staff SET email = 'a' WHERE id = 2");
    await run("UPDATE staff SET email = 'b' WHERE id = 1");
    await expectRefused(bring("staff"), "refused", /the backup's row [12] of staff: Duplicate entry/);
  } finally {
    await run("ALTER TABLE staff DROP phone");
  }
});

test("rows may be added, and not taken away, if tables that the user may not see could refer to them", async () => {
  await run(...ROWS);
  const before = await bytes();
  await keep();
  const user = await userWith(database.url, `ALL ON ${database.name}.*`);
  const seen = { ...(await connect(user.url)), dictionary };
  const asUser = (name: string, more = {}) =>
    restore(seen, store, { tables: tables(name), backup: "latest", report, ...more });
  try {
    await run("DELETE FROM takes", "DELETE FROM casts");
    await asUser("casts");
    await asUser("takes");
    expect(await bytes()).toEqual(before);
    await run("UPDATE casts SET name = 'other' WHERE place = 0");
    for (const more of [{ plan: true }, {}])
      await expectRefused(
        asUser("casts", more),
        "conflict",
        "tables that the user may not see could refer to them: run GRANT SHOW VIEW ON *.*",
      );
  } finally {
    await seen.close();
    await removeOthers();
  }
});

test("rows that a rule of another program refuses are named by their key", async () => {
  await run(...ROWS);
  await keep();
  await run(
    "UPDATE casts SET name = 'fine' WHERE name = 'z'",
    "ALTER TABLE casts ADD CONSTRAINT no_z CHECK (name <> 'z')",
  );
  await expectRefused(
    bring("casts"),
    "refused",
    "the database refuses the backup's row b%2C1,2 of casts: CHECK constraint",
  );
  await run("ALTER TABLE casts DROP CONSTRAINT no_z");
  await run(
    "CREATE TABLE spots (film varchar(20), place smallint, PRIMARY KEY (film, place))",
    "INSERT INTO spots SELECT film, place FROM casts WHERE name <> 'y'",
    "DELETE FROM takes WHERE place = 2",
    "DELETE FROM casts WHERE name = 'y'",
    "ALTER TABLE casts ADD CONSTRAINT spot FOREIGN KEY (film, place) REFERENCES spots (film, place)",
  );
  await expectRefused(bring("casts"), "refused", "the backup's row ana,2 of casts: foreign key `spot`");
  await run("ALTER TABLE casts DROP FOREIGN KEY spot", "DROP TABLE spots");
});

const laterColumns = notOnTidb("it adds no STORED column to a table");

test.skipIf(laterColumns !== "")(
  `a row that a generated column refuses is named by its key${laterColumns}`,
  async () => {
    await run(...ROWS);
    await keep();
    await run(
      "UPDATE casts SET name = 'fine' WHERE name = 'z'",
      "ALTER TABLE casts ADD size tinyint AS (IF(name = 'z', 1000, 1)) STORED",
    );
    await expectRefused(bring("casts"), "refused", /the backup's row b%2C1,2 of casts: Out of range value/);
    await run("ALTER TABLE casts DROP size");
  },
);

test("one refused row among many is named by its key", async () => {
  await run("INSERT INTO films VALUES ('a', 'A', NULL), ('b', 'B', NULL)");
  const rows = ["a", "b"].flatMap((film) =>
    Array.from({ length: 11_000 }, (_, place) => [film, place, film === "b" && place === 7_777 ? "z" : "y"]),
  );
  await pool.query("INSERT INTO casts (film, place, name) VALUES ?", [rows]);
  await keep("casts");
  await run("DELETE FROM casts", "ALTER TABLE casts ADD CONSTRAINT no_z CHECK (name <> 'z')");
  await expectRefused(bring("casts"), "refused", "the backup's row b,7777 of casts: CHECK constraint");
  await run("ALTER TABLE casts DROP CONSTRAINT no_z");
});

test("rows that are added while a restore runs keep their parents, or are refused by the server", async () => {
  await run(...ROWS);
  await keep();
  const codes: string[] = [];
  let working = true;
  const program = (async () => {
    const connection = await pool.getConnection();
    for (let id = 10; working; id++) {
      for (const statement of [
        `INSERT INTO staff (id, email) VALUES (${id}, 'e${id}')`,
        `INSERT INTO notes (id, staff_id) VALUES (${id}, ${id})`,
        `INSERT INTO films VALUES ('f${id}', 'f${id}', 'ana')`,
        `INSERT INTO casts (film, place, name) VALUES ('F${id}', 1, 'x')`,
      ])
        await connection.query(statement).catch(({ code }) => codes.push(code));
    }
    connection.release();
  })();
  const outcomes: string[] = [];
  for (let round = 0; round < 12; round++) {
    const parts = [["films"], ["staff"], ["films", "casts"], ["staff", "notes"], []][round % 5] ?? [];
    outcomes.push(
      await bring(...parts).then(
        () => "restored",
        ({ code }) => code,
      ),
    );
  }
  working = false;
  await program;
  expect(outcomes.filter((each) => each !== "restored" && each !== "conflict")).toEqual([]);
  expect(codes.filter((code) => !/^ER_(NO_REFERENCED_ROW_2|LOCK_DEADLOCK|DUP_ENTRY)$/.test(code))).toEqual([]);
  for (const orphans of [
    "SELECT 1 FROM casts c LEFT JOIN films f ON f.code = c.film WHERE f.code IS NULL",
    "SELECT 1 FROM films c LEFT JOIN films f ON f.code = c.sequel_of WHERE c.sequel_of IS NOT NULL AND f.code IS NULL",
    "SELECT 1 FROM notes c LEFT JOIN staff s ON s.id = c.staff_id WHERE c.staff_id IS NOT NULL AND s.id IS NULL",
    "SELECT 1 FROM notes WHERE staff_id IS NULL AND id >= 10",
  ])
    expect(await select(pool, orphans)).toEqual([]);
  await bring();
});

test("two keys that only this database's collation takes for one are refused", async () => {
  await run("CREATE TABLE kept LIKE films", "ALTER TABLE casts DROP FOREIGN KEY casts_film_films_code_fk");
  await run(
    "DROP TABLE films",
    "CREATE TABLE films (code varchar(20) COLLATE utf8mb4_bin PRIMARY KEY, title varchar(40) NOT NULL, sequel_of varchar(20))",
    "INSERT INTO films VALUES ('ana', 'a', NULL), ('ANA', 'b', NULL)",
  );
  await keep("films");
  await run("DROP TABLE films", "RENAME TABLE kept TO films");
  for (const load of [true, false]) {
    const server = { ...database.server, loadsData: load };
    await expect(
      restore({ ...database, server }, store, { tables: tables("films"), backup: "latest", report }),
    ).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(/has two keys that are equal in the collation of this database \("(ana|ANA)"\)/),
    });
  }
});

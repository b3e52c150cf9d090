/** A small database with awkward tables is adopted. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Connection } from "mysql2/promise";
import { parseUrl } from "../src/db/url.ts";
import { adoptIn, definitionsIn, madeBy } from "./support/adopted.ts";
import { run, startOnTerminal } from "./support/commands.ts";
import { dropDatabase, freshDatabase, freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { copyOfProject } from "./support/project.ts";

const SCRIPT = `
CREATE TABLE \`order\` (id INT AUTO_INCREMENT PRIMARY KEY, \`delete\` INT, note VARCHAR(20) DEFAULT 'it''s "so" \\\\' COMMENT 'a ''quoted'' comment');
CREATE TABLE \`index\` (
  id BIGINT AUTO_INCREMENT PRIMARY KEY, order_id INT, boss BIGINT, code VARCHAR(30) NOT NULL, area DOUBLE GENERATED ALWAYS AS (level * 2) STORED,
  made DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, flag TINYINT(1) NOT NULL DEFAULT 1, level TINYINT(1) NOT NULL,
  UNIQUE KEY code_unique (code), KEY code_prefix (code(5)), CONSTRAINT positive CHECK (level > 0),
  CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES \`order\` (id) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT of_boss FOREIGN KEY (boss) REFERENCES \`index\` (id)
) COMMENT='a table; AUTO_INCREMENT=5';
INSERT INTO \`index\` (id, code, level) VALUES (7, 'a', 5);
CREATE TABLE places (a INT NOT NULL, b INT NOT NULL, order_id INT, PRIMARY KEY (a, b));
CREATE TABLE rooms (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b INT, CONSTRAINT of_place FOREIGN KEY (a, b) REFERENCES places (a, b));
CREATE TABLE left_a (id INT AUTO_INCREMENT PRIMARY KEY, b INT);
CREATE TABLE left_b (id INT AUTO_INCREMENT PRIMARY KEY, a INT, CONSTRAINT b_of_a FOREIGN KEY (a) REFERENCES left_a (id));
ALTER TABLE left_a ADD CONSTRAINT a_of_b FOREIGN KEY (b) REFERENCES left_b (id);
CREATE TABLE beside (id INT AUTO_INCREMENT PRIMARY KEY, a INT, CONSTRAINT beside_a FOREIGN KEY (a) REFERENCES left_a (id));
CREATE TABLE keyless (a INT);
CREATE TABLE aria (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=MyISAM;
CREATE TABLE zero (id INT AUTO_INCREMENT PRIMARY KEY);
INSERT INTO zero (id) VALUES (-3), (7);
CREATE TABLE \`with blank\` (id INT AUTO_INCREMENT PRIMARY KEY);
CREATE TABLE dollars (id INT AUTO_INCREMENT PRIMARY KEY, price$ INT);
CREATE TABLE shapes (id INT AUTO_INCREMENT PRIMARY KEY, at POINT, line LINESTRING, \`limit\` INT);
CREATE TABLE parts (id INT AUTO_INCREMENT, kind VARCHAR(9) COLLATE utf8mb4_bin, hidden INT INVISIBLE, PRIMARY KEY (id)) PARTITION BY HASH (id) PARTITIONS 3;
CREATE TABLE runs (id INT AUTO_INCREMENT PRIMARY KEY);
CREATE VIEW a_view AS SELECT id FROM rooms;
CREATE TRIGGER counted BEFORE INSERT ON rooms FOR EACH ROW SET NEW.a = NEW.a;
CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash TEXT NOT NULL, created_at BIGINT);
INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('theirs', 9999999999999);
`;

const url = freshUrl();
const elsewhere = freshUrl();
let connection: Connection;
let folder: string;
let before: Record<string, string>;

beforeAll(async () => {
  connection = await madeBy(url, SCRIPT);
  folder = (await copyOfProject()).folder;
  before = await definitionsIn(connection);
});

afterAll(async () => {
  await connection.end();
  for (const each of [url, elsewhere]) await dropDatabase(each);
  await removeFolders();
});

const schema = () => Bun.file(join(folder, "src/db/schema.ts")).text();

test("without --yes and without a terminal adopt is refused, and a dry run writes nothing", async () => {
  const own = await schema();
  const refused = await adoptIn(folder, url);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("give --yes to allow it")]);
  expect((await adoptIn(folder, url, "--dry-run")).code).toBe(0);
  expect(await schema()).toBe(own);
  expect(await definitionsIn(connection)).toEqual(before);
});

test("adopt says what it leaves out and why, and changes no table", async () => {
  const { code, stdout, stderr } = await adoptIn(folder, url, "--yes", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  const report = JSON.parse(stdout);
  expect(report.tables.toSorted()).toEqual(["beside", "index", "order", "parts", "places", "rooms"]);
  const reasons = Object.fromEntries(
    report.left_out.map((each: { table: string; reasons: string[] }) => [each.table, each.reasons.join("; ")]),
  );
  expect(reasons).toEqual({
    a_view: "is a view, not a table",
    aria: expect.stringContaining("its engine is MyISAM"),
    dollars: expect.stringContaining("dollars.price$ needs a name of letters, digits and underscores"),
    keyless: expect.stringContaining("has no primary key"),
    left_a: expect.stringContaining("left_a -> left_b -> left_a"),
    left_b: expect.stringContaining("left_a -> left_b -> left_a"),
    runs: expect.stringContaining("Muster's own path /runs"),
    shapes: expect.stringMatching(
      /shapes.at has the type point.*shapes.line has the type linestring.*shapes.limit has a name/,
    ),
    zero: expect.stringContaining("has a row whose key is -3"),
    "with blank": expect.stringContaining("needs a name of letters, digits and underscores"),
  });
  expect(report.undeclared_foreign_keys).toEqual([
    { table: "beside", foreign_key: "beside_a", reason: "refers to left_a, which is left out" },
  ]);
  expect(report.triggers).toEqual([{ table: "rooms", trigger: "counted" }]);
  expect(await definitionsIn(connection)).toMatchObject(before);
});

test("the schema has names, keys, defaults and foreign keys as in SQL", async () => {
  const text = await schema();
  for (const part of [
    "export { index_table as index };",
    `varchar("note", { length: 20 }).default('it\\'s "so" \\\\')`,
    'bigint("id", { mode: "number" }).autoincrement().primaryKey()',
    'bigint("boss", { mode: "number" })',
    'boolean("flag").notNull().default(true)',
    'tinyint("level").notNull()',
    'unique("code_unique").on(table.code)',
    'index("code_prefix").on(sql`\\`code\\`(5)`)',
    "primaryKey({ columns: [table.a, table.b] })",
    '.onDelete("cascade")',
    "generatedAlwaysAs(sql`",
  ])
    expect(text).toContain(part);
  const checked = await run(
    [
      "--bun",
      "x",
      "tsc",
      "--noEmit",
      "--skipLibCheck",
      "--ignoreConfig",
      "--strict",
      "--module",
      "esnext",
      "--moduleResolution",
      "bundler",
      "--target",
      "esnext",
      "src/db/schema.ts",
    ],
    {},
    folder,
  );
  expect(checked.stdout).toBe("");
});

test("after adopt no migration is pending or missing, and those of other programs are as they were", async () => {
  const environment = { DATABASE_URL: url };
  const generated = await run(["--bun", "x", "drizzle-kit", "generate"], environment, folder);
  expect(generated.stdout + generated.stderr).toContain("No schema changes");
  const migrated = await run(["--bun", "x", "drizzle-kit", "migrate"], environment, folder);
  expect(migrated.code).toBe(0);
  expect((await connection.query("SELECT hash FROM __drizzle_migrations"))[0]).toEqual([{ hash: "theirs" }] as never);
  expect(await definitionsIn(connection)).toMatchObject(before);
});

test("in an empty database the migrations create the same tables", async () => {
  const migrated = await run(["--bun", "x", "drizzle-kit", "migrate"], { DATABASE_URL: elsewhere }, folder);
  expect([migrated.code, migrated.stderr]).toEqual([0, expect.any(String)]);
  const other = await madeBy(elsewhere, "");
  const made = await definitionsIn(other);
  await other.end();
  const adopted = Object.entries(made).filter(([table]) => !/^(muster_|__)/.test(table));
  expect(adopted).toHaveLength(6);
  for (const [table, definition] of adopted) {
    // This foreign key refers to a table that is left out.
    const lost = /,\n {2}CONSTRAINT `beside_a` FOREIGN KEY .*/;
    const wanted = (before[table] ?? "").replace(lost, "").replace(/ AUTO_INCREMENT=\d+ DEFAULT/, " DEFAULT");
    // MySQL shows the character set, or leaves it out, as the statement did.
    const plain = (text: string) => text.replaceAll("CHARACTER SET utf8mb4 ", "");
    expect(plain(definition)).toBe(plain(wanted));
  }
});

test("a second adopt takes up what was added since", async () => {
  await connection.query("CREATE TABLE added (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(9))");
  const { code, stdout, stderr } = await adoptIn(folder, url, "--yes", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout).tables).toContain("added");
  expect(await schema()).toContain("export const added");
  const migrated = await run(["--bun", "x", "drizzle-kit", "migrate"], { DATABASE_URL: url }, folder);
  expect(migrated.code).toBe(0);
  expect((await connection.query("SELECT * FROM added"))[0]).toEqual([]);
});

test("options that name no table, or exclude each other, are refused", async () => {
  const unknown = await adoptIn(folder, url, "--tables", "order,nothing");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("has no table nothing")]);
  expect((await adoptIn(folder, url, "--tables", "order", "--except", "rooms")).code).toBe(2);
  const some = await adoptIn(folder, url, "--tables", "order,places", "--dry-run", "--json");
  expect(JSON.parse(some.stdout).tables).toEqual(["order", "places"]);
});

test("tables that differ in letter case alone are refused, unless one is left out", async () => {
  const other = freshUrl();
  const theirs = await madeBy(
    other,
    "CREATE TABLE rooms (id INT PRIMARY KEY);\nCREATE TABLE Rooms (id INT PRIMARY KEY);\n",
  );
  const { code, stderr } = await adoptIn(folder, other, "--dry-run");
  const some = await adoptIn(folder, other, "--dry-run", "--except", "Rooms");
  await theirs.end();
  await dropDatabase(other);
  expect([code, stderr]).toEqual([2, expect.stringContaining("rename one, or leave one out by --except")]);
  expect(some.code).toBe(0);
});

test("a database that Muster's own migrations made is refused", async () => {
  const own = await freshDatabase();
  const { code, stderr } = await adoptIn(folder, own.url, "--dry-run");
  await own.close();
  expect([code, stderr]).toEqual([2, expect.stringContaining("there is nothing to adopt")]);
});

test("a user who lacks rights is told which, and an unreadable table is left out", async () => {
  const name = parseUrl(url).database;
  const user = `adopt_${process.pid}`;
  await connection.query(`CREATE USER ${user}@'%' IDENTIFIED BY 'x'`);
  await connection.query(`GRANT SELECT ON ${name}.places TO ${user}@'%'`);
  await connection.query(`GRANT INSERT ON ${name}.rooms TO ${user}@'%'`);
  const theirs = url.replace(/\/\/[^@]*@/, `//${user}:x@`);
  const dry = await adoptIn(folder, theirs, "--dry-run");
  expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining("rooms: may not be read by this user")]);
  const real = await adoptIn(folder, theirs, "--yes");
  await connection.query(`DROP USER ${user}@'%'`);
  expect([real.code, real.stderr]).toEqual([2, expect.stringContaining("the database user lacks rights for migrate")]);
});

test("on a terminal adopt asks, and does nothing without a yes", async () => {
  const own = await schema();
  const terminal = startOnTerminal([join(folder, "scripts/adopt.ts")], { DATABASE_URL: url });
  await until(async () => terminal.screen().includes("[y/N]"));
  terminal.press("n\n");
  expect(await terminal.child.exited).toBe(2);
  expect(terminal.screen()).toContain("nothing was written");
  expect(await schema()).toBe(own);
});

test("an adopt that fails leaves the old files as they were, and the next one completes it", async () => {
  const other = freshUrl();
  const theirs = await madeBy(
    other,
    "ALTER DATABASE CHARACTER SET latin1;\nCREATE TABLE only (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(9) NOT NULL);\n",
  );
  const copy = (await copyOfProject()).folder;
  const own = await Bun.file(join(copy, "src/db/schema.ts")).text();
  await theirs.query("CREATE TABLE muster_runs (id INT)");
  const failed = await adoptIn(copy, other, "--yes");
  expect([failed.code, failed.stderr]).toEqual([2, expect.stringContaining("muster_runs")]);
  expect(await Bun.file(join(copy, "src/db/schema.ts")).text()).toBe(own);
  expect(await readdir(join(copy, "src/db"))).not.toContain("schema.ts.adopting");
  await theirs.query("DROP TABLE muster_runs");
  expect((await adoptIn(copy, other, "--yes")).code).toBe(0);
  const made = await definitionsIn(theirs);
  expect(made.only).toContain("CHARSET=latin1");
  expect(made.muster_runs).toContain("COLLATE=utf8mb4_unicode_ci");
  await theirs.end();
  await dropDatabase(other);
});

test("a row that leaves its columns out gets the defaults that the server gives", async () => {
  const other = freshUrl();
  const theirs = await madeBy(other, DEFAULTS);
  const copy = (await copyOfProject({ "data/sheets.csv": "id\n2\n" })).folder;
  const adopted = await adoptIn(copy, other, "--yes", "--json");
  expect(JSON.parse(adopted.stdout)).toMatchObject({ status: "succeeded", tables: ["sheets"], left_out: [] });
  const imported = await run(["scripts/import.ts", "data", "--json"], { DATABASE_URL: other }, copy);
  expect(JSON.parse(imported.stdout)).toMatchObject({ status: "succeeded", tables: { sheets: { inserted: 1 } } });
  const [rows] = await theirs.query("SELECT * FROM sheets ORDER BY id");
  const [server, muster] = (rows as object[]).map((row) => ({ ...row, id: 0, random: "", now: "" }));
  expect(muster).toEqual(server);
  await theirs.end();
  await dropDatabase(other);
});

const DEFAULTS = `
CREATE TABLE sheets (id INT AUTO_INCREMENT PRIMARY KEY, a INT NOT NULL DEFAULT -5, b DECIMAL(5,2) NOT NULL DEFAULT 1.5,
  c VARCHAR(20) NOT NULL DEFAULT 'NULL', d DATE NOT NULL DEFAULT '2020-01-02', e BIT(1) NOT NULL DEFAULT b'1',
  f ENUM('it''s','b,c') NOT NULL DEFAULT 'it''s', g SET('a','b') NOT NULL DEFAULT 'a,b', h CHAR(4) DEFAULT NULL,
  i BIGINT NOT NULL DEFAULT 9007199254740993, j VARCHAR(10) NOT NULL DEFAULT (CONCAT('x''', 'y')), k DOUBLE NOT NULL DEFAULT 1e10,
  l BINARY(2) NOT NULL DEFAULT 'ab', m DATETIME NOT NULL DEFAULT '2021-01-01 01:02:03', n TINYINT(1) NOT NULL DEFAULT 0,
  o YEAR NOT NULL DEFAULT 1999, p VARCHAR(30) NOT NULL DEFAULT 'a\\\\b\\n\`c\${d}', random VARCHAR(36) NOT NULL DEFAULT (UUID()),
  q TIME(6) NOT NULL DEFAULT '12:00:00', r DATETIME(6) NOT NULL DEFAULT '2021-01-01 01:02:03.000004', s JSON DEFAULT NULL,
  now TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3));
INSERT INTO sheets (id) VALUES (1);
`;

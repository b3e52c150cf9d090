/** Tables with every kind of key, unique constraint and reference, which restores must bring back. */
import { sql } from "drizzle-orm";
import {
  type AnyMySqlColumn,
  bigint,
  binary,
  date,
  datetime,
  float,
  foreignKey,
  int,
  mysqlTable,
  primaryKey,
  smallint,
  unique,
  varchar,
} from "drizzle-orm/mysql-core";
import type { RowDataPacket } from "mysql2/promise";
import { Dictionary } from "../../src/codecs/dictionary.ts";
import type { TableName } from "../../src/codecs/tables.ts";
import { bit, blob, set } from "../../src/db/more-types.ts";
import { freshDatabase } from "./database.ts";

const films = mysqlTable("films", {
  code: varchar("code", { length: 20 }).primaryKey(),
  title: varchar("title", { length: 40 }).notNull().unique(),
  sequel_of: varchar("sequel_of", { length: 20 }).references((): AnyMySqlColumn => films.code, {
    onDelete: "set null",
    onUpdate: "cascade",
  }),
});
const casts = mysqlTable(
  "casts",
  {
    film: varchar("film", { length: 20 })
      .notNull()
      .references(() => films.code, { onDelete: "cascade", onUpdate: "cascade" }),
    place: smallint("place").notNull(),
    name: varchar("name", { length: 40 }).notNull(),
    loud: varchar("loud", { length: 40 }).generatedAlwaysAs(sql`upper(name)`, { mode: "stored" }),
  },
  (table) => [primaryKey({ columns: [table.film, table.place] })],
);
const takes = mysqlTable(
  "takes",
  {
    id: bigint("id", { mode: "bigint", unsigned: true }).primaryKey(),
    film: varchar("film", { length: 20 }),
    place: smallint("place"),
    day: date("day", { mode: "string" }).notNull(),
  },
  (table) => [
    foreignKey({ name: "takes_cast", columns: [table.film, table.place], foreignColumns: [casts.film, casts.place] }),
  ],
);
const staff = mysqlTable(
  "staff",
  {
    id: int("id").autoincrement().primaryKey(),
    boss: int("boss").references((): AnyMySqlColumn => staff.id),
    email: varchar("email", { length: 40 }).notNull(),
    floor: int("floor"),
    desk: int("desk"),
  },
  (table) => [unique("staff_email").on(table.email), unique("staff_desk").on(table.floor, table.desk)],
);
const notes = mysqlTable("notes", {
  id: int("id").autoincrement().primaryKey(),
  staff_id: int("staff_id").references(() => staff.id, { onDelete: "set null" }),
  made: datetime("made", { mode: "string" }).notNull().default(sql`now()`),
});
const days = mysqlTable("days", {
  day: date("day", { mode: "string" }).primaryKey(),
  note: varchar("note", { length: 40 }),
});
const labels = mysqlTable(
  "labels",
  {
    id: int("id").autoincrement().primaryKey(),
    place: smallint("place").notNull(),
    label: varchar("label", { length: 40 }).notNull(),
  },
  (table) => [unique("labels_label").on(table.place, table.label)],
);
const tags = mysqlTable(
  "tags",
  { id: int("id").autoincrement().primaryKey(), place: smallint("place"), label: varchar("label", { length: 40 }) },
  (table) => [
    foreignKey({
      name: "tags_label",
      columns: [table.place, table.label],
      foreignColumns: [labels.place, labels.label],
    }),
    unique("tags_once").on(table.place, table.label),
  ],
);
const reels = mysqlTable("reels", {
  uuid: binary("uuid", { length: 16 }).primaryKey(),
  before: binary("before", { length: 16 }).references((): AnyMySqlColumn => reels.uuid),
  weight: float("weight"),
  open: bit("open").notNull(),
  colours: set("colours", { members: ["red", "blue"] }).notNull(),
  image: blob("image"),
});
const tickets = mysqlTable("tickets", {
  id: bigint("id", { mode: "bigint", unsigned: true }).autoincrement().primaryKey(),
  guest: varchar("guest", { length: 40 }).notNull(),
});

const CREATE = [
  `CREATE TABLE films (code varchar(20) PRIMARY KEY, title varchar(40) NOT NULL, sequel_of varchar(20),
     CONSTRAINT films_title_unique UNIQUE (title), CONSTRAINT films_sequel_of_films_code_fk FOREIGN KEY (sequel_of)
     REFERENCES films (code) ON DELETE SET NULL ON UPDATE CASCADE)`,
  `CREATE TABLE casts (film varchar(20) NOT NULL, place smallint NOT NULL, name varchar(40) NOT NULL,
     loud varchar(40) GENERATED ALWAYS AS (upper(name)) STORED, PRIMARY KEY (film, place),
     CONSTRAINT casts_film_films_code_fk FOREIGN KEY (film) REFERENCES films (code) ON DELETE CASCADE ON UPDATE CASCADE)`,
  `CREATE TABLE takes (id bigint unsigned PRIMARY KEY, film varchar(20), place smallint, day date NOT NULL,
     CONSTRAINT takes_cast FOREIGN KEY (film, place) REFERENCES casts (film, place))`,
  `CREATE TABLE staff (id int AUTO_INCREMENT PRIMARY KEY, boss int, email varchar(40) NOT NULL, floor int, desk int,
     CONSTRAINT staff_email UNIQUE (email), CONSTRAINT staff_desk UNIQUE (floor, desk),
     CONSTRAINT staff_boss_staff_id_fk FOREIGN KEY (boss) REFERENCES staff (id))`,
  `CREATE TABLE notes (id int AUTO_INCREMENT PRIMARY KEY, staff_id int, made datetime NOT NULL DEFAULT now(),
     CONSTRAINT notes_staff_id_staff_id_fk FOREIGN KEY (staff_id) REFERENCES staff (id) ON DELETE SET NULL)`,
  "CREATE TABLE days (day date PRIMARY KEY, note varchar(40))",
  `CREATE TABLE labels (id int AUTO_INCREMENT PRIMARY KEY, place smallint NOT NULL, label varchar(40) NOT NULL,
     CONSTRAINT labels_label UNIQUE (place, label))`,
  `CREATE TABLE tags (id int AUTO_INCREMENT PRIMARY KEY, place smallint, label varchar(40),
     CONSTRAINT tags_once UNIQUE (place, label), CONSTRAINT tags_label FOREIGN KEY (place, label) REFERENCES labels (place, label))`,
  `CREATE TABLE reels (uuid binary(16) PRIMARY KEY, \`before\` binary(16), weight float, open bit(1) NOT NULL,
     colours set('red','blue') NOT NULL, image blob,
     CONSTRAINT reels_before_reels_uuid_fk FOREIGN KEY (\`before\`) REFERENCES reels (uuid))`,
  "CREATE TABLE tickets (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, guest varchar(40) NOT NULL)",
];

export const dictionary = new Dictionary({ films, casts, takes, staff, notes, days, labels, tags, reels, tickets });
/** Children first, the order in which they can be emptied. */
const TABLES = dictionary.names.toReversed();
const table = (name: string) => dictionary.of(name);

/** A database with these tables, which are empty. */
export async function studio() {
  const database = { ...(await freshDatabase()), dictionary };
  for (const statement of CREATE) await database.pool.query(statement);
  await database.pool.query("INSERT INTO muster_gates VALUES ?", [TABLES.map((name) => [name])]);
  const { pool } = database;
  return {
    database,
    tables: (...names: string[]) => (names.length === 0 ? dictionary.tables : names.map(table)),
    empty: () => emptied(pool),
    /** Every row of every table, or of those named, each value as its bytes in hexadecimal. */
    async bytes(...names: string[]) {
      const held: Record<string, string> = {};
      for (const { name, readable } of names.length === 0 ? dictionary.tables : names.map(table)) {
        const values = readable.map((column) => `HEX(\`${column.name}\`)`).join(", ");
        const [rows] = await pool.query<RowDataPacket[][]>({
          sql: `SELECT ${values} FROM ${name} ORDER BY 1, 2`,
          rowsAsArray: true,
        });
        held[name] = rows.map((row) => `${row.map((each) => each ?? "-")}\n`).join("");
      }
      return held;
    },
    async run(...statements: string[]) {
      for (const statement of statements) await pool.query(statement);
    },
  };
}

async function emptied(pool: Awaited<ReturnType<typeof freshDatabase>>["pool"]): Promise<void> {
  const connection = await pool.getConnection();
  await connection.query("SET foreign_key_checks = 0");
  for (const name of TABLES as readonly TableName[]) await connection.query(`DELETE FROM ${name}`);
  await connection.query("SET foreign_key_checks = 1");
  connection.release();
}

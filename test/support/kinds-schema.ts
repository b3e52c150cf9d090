/** Tables with every kind of key, reference, unique constraint and column, as text for a schema file. */

/** Keys, references to each kind of key, and unique constraints. */
export const KEYS = {
  imports: `type AnyMySqlColumn, bigint, binary, char, date, decimal, foreignKey, primaryKey, smallint, unique`,
  text: `
export const counters = mysqlTable("counters", {
  number: int("number").autoincrement().primaryKey(),
  label: varchar("label", { length: 40 }).notNull(),
});
export const entries = mysqlTable("entries", {
  serial: bigint("serial", { mode: "bigint", unsigned: true }).autoincrement().primaryKey(),
  label: varchar("label", { length: 40 }).notNull(),
});
export const wards = mysqlTable("wards", {
  code: smallint("code", { unsigned: true }).autoincrement().primaryKey(),
  label: varchar("label", { length: 40 }).notNull(),
});
export const floors = mysqlTable("floors", {
  level: int("level").primaryKey(),
  label: varchar("label", { length: 40 }).notNull(),
});
export const visits = mysqlTable("visits", {
  id: bigint("id", { mode: "number" }).autoincrement().primaryKey(),
  entry: bigint("entry", { mode: "bigint", unsigned: true }).references(() => entries.serial),
  ward: smallint("ward", { unsigned: true }).references(() => wards.code),
  floor: int("floor").references(() => floors.level),
});

export const people = mysqlTable("people", {
  login: varchar("login", { length: 40 }).primaryKey(),
  name: varchar("name", { length: 80 }).notNull(),
  manager: varchar("manager", { length: 40 }).references((): AnyMySqlColumn => people.login),
});
export const currencies = mysqlTable("currencies", {
  code: char("code", { length: 3 }).primaryKey(),
  name: varchar("name", { length: 40 }).notNull().unique(),
});
export const devices = mysqlTable("devices", {
  uuid: binary("uuid", { length: 16 }).primaryKey(),
  name: varchar("name", { length: 40 }).notNull(),
  owner: varchar("owner", { length: 40 }).references(() => people.login),
});
export const days = mysqlTable("days", {
  day: date("day", { mode: "string" }).primaryKey(),
  note: varchar("note", { length: 40 }),
});
export const prices = mysqlTable("prices", {
  id: int("id").autoincrement().primaryKey(),
  currency: char("currency", { length: 3 }).notNull().references(() => currencies.code),
  day: date("day", { mode: "string" }).notNull().references(() => days.day),
  price: decimal("price", { precision: 10, scale: 2 }).notNull(),
});

export const editions = mysqlTable(
  "editions",
  {
    counter: int("counter").notNull().references(() => counters.number),
    language: varchar("language", { length: 10 }).notNull(),
    title: varchar("title", { length: 80 }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.counter, table.language] })],
);
export const chapters = mysqlTable(
  "chapters",
  {
    id: int("id").autoincrement().primaryKey(),
    counter: int("counter"),
    language: varchar("language", { length: 10 }),
    place: int("place").notNull(),
    title: varchar("title", { length: 80 }).notNull(),
  },
  (table) => [
    foreignKey({
      name: "chapters_edition",
      columns: [table.counter, table.language],
      foreignColumns: [editions.counter, editions.language],
    }),
    unique("chapters_place").on(table.counter, table.language, table.place),
  ],
);
export const readings = mysqlTable(
  "readings",
  {
    device: binary("device", { length: 16 }).notNull().references(() => devices.uuid),
    day: date("day", { mode: "string" }).notNull().references(() => days.day),
    slot: smallint("slot", { unsigned: true }).notNull(),
    reading: decimal("reading", { precision: 10, scale: 3 }),
  },
  (table) => [primaryKey({ columns: [table.device, table.day, table.slot] })],
);
export const remarks = mysqlTable(
  "remarks",
  {
    id: bigint("id", { mode: "bigint" }).autoincrement().primaryKey(),
    device: binary("device", { length: 16 }).notNull(),
    day: date("day", { mode: "string" }).notNull(),
    slot: smallint("slot", { unsigned: true }).notNull(),
    remark: varchar("remark", { length: 80 }).notNull(),
  },
  (table) => [
    foreignKey({
      name: "remarks_reading",
      columns: [table.device, table.day, table.slot],
      foreignColumns: [readings.device, readings.day, readings.slot],
    }),
  ],
);

export const employees = mysqlTable(
  "employees",
  {
    id: int("id").autoincrement().primaryKey(),
    name: varchar("name", { length: 80 }).notNull(),
    manager_id: int("manager_id").references((): AnyMySqlColumn => employees.id),
    badge: varchar("badge", { length: 20 }).unique(),
    office: varchar("office", { length: 20 }).notNull(),
    desk: int("desk").notNull(),
  },
  (table) => [unique("employees_desk").on(table.office, table.desk)],
);
export const boxes = mysqlTable(
  "boxes",
  {
    site: varchar("site", { length: 20 }).notNull(),
    number: int("number").notNull(),
    inside_site: varchar("inside_site", { length: 20 }),
    inside_number: int("inside_number"),
  },
  (table) => [
    primaryKey({ columns: [table.site, table.number] }),
    foreignKey({
      name: "boxes_inside",
      columns: [table.inside_site, table.inside_number],
      foreignColumns: [table.site, table.number],
    }),
  ],
);
`,
};

/** The tables of KEYS, children first: the order in which they can be emptied. */
export const KEYS_CHILDREN_FIRST = [
  ...["boxes", "employees", "remarks", "readings", "chapters", "editions", "prices", "days", "devices", "currencies"],
  ...["people", "visits", "floors", "wards", "entries", "counters"],
];

/** A uuid as binary(16) has it in JSON and CSV: base64. */
export const uuid = (number: number): string =>
  Buffer.from(`00000000-0000-4000-8000-${String(number).padStart(12, "0")}`.replaceAll("-", ""), "hex").toString(
    "base64",
  );

/** Text that a path or a query can hold. A key's values are joined by commas. */
export const keyPath = (...values: readonly (string | number)[]): string =>
  values.map((value) => encodeURIComponent(String(value))).join(",");

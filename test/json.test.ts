import { expect, test } from "bun:test";
import { datetime, int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { z } from "zod";
import { fromJson, rowSchema, toJson } from "../src/codecs/json.ts";
import { JsonArray } from "../src/codecs/text-to-json.ts";
import { tableOf } from "./support/dictionary.ts";
import { only, rows, textOf, things } from "./support/things.ts";

const employees = tableOf("hired_employees");
const pablo = { id: 7, name: "Pablo", datetime: "2021-11-07T02:48:42Z", department_id: 1, job_id: 2 };
const stored = [7, "Pablo", "2021-11-07 02:48:42.000", 1, 2];

const judged = (row: unknown, keyOptional = true) => {
  const { values, reasons } = fromJson(employees, row, { keyOptional });
  return { values, reasons: reasons.map(({ code, field }) => (field === undefined ? code : `${code} ${field}`)) };
};

test("a row is taken with its fields in any order", () => {
  expect(judged(pablo)).toEqual({ values: stored, reasons: [] });
  expect(judged(Object.fromEntries(Object.entries(pablo).reverse()))).toEqual({ values: stored, reasons: [] });
});

test.each([
  ["null", null],
  ["an empty text", ""],
  ["white space alone", " \t\n\u00a0\u3000"],
  ["undefined", undefined],
])("%s counts as missing in every field", (_, blank) => {
  const row = { id: blank, name: blank, datetime: blank, department_id: blank, job_id: blank };
  const fields = Object.keys(row).map((field) => `missing ${field}`);
  expect(judged(row, false).reasons).toEqual(fields);
  expect(judged(row, true)).toEqual({ values: Array(5).fill(undefined), reasons: fields.slice(1) });
});

test("an absent key is missing, also if every JavaScript object inherits one of that name", () => {
  expect(judged({}, false).reasons).toEqual(employees.columns.map(({ name }) => `missing ${name}`));
  const constructors = only({
    constructors: mysqlTable("constructors", {
      id: int("id").autoincrement().primaryKey(),
      constructor: varchar("constructor", { length: 9 }).notNull(),
    }),
  });
  expect(fromJson(constructors, { id: 1 }, { keyOptional: true }).reasons.map(({ code }) => code)).toEqual(["missing"]);
});

test("an id may be left out only if the database assigns it, and a bad id is always rejected", () => {
  const { id: _, ...nameless } = pablo;
  expect(judged(nameless, true)).toEqual({ values: [undefined, ...stored.slice(1)], reasons: [] });
  expect(judged(nameless, false).reasons).toEqual(["missing id"]);
  expect(judged({ ...pablo, id: 0 }, true).reasons).toEqual(["out_of_range id"]);
  expect(judged({ ...pablo, id: "7" }, true).reasons).toEqual(["wrong_type id"]);
});

test("a row gets all its reasons, and keeps its good fields", () => {
  const row = { id: 7, name: "x".repeat(256), datetime: "2021-02-30T00:00:00Z", department_id: 3, job_id: "1", hue: 1 };
  expect(judged(row)).toEqual({
    values: [7, undefined, undefined, 3, undefined],
    reasons: ["too_long name", "invalid_datetime datetime", "wrong_type job_id", "unknown_field hue"],
  });
});

test("a reason begins with the field's name and says what to do", () => {
  const { reasons } = fromJson(employees, { ...pablo, job_id: "1" }, { keyOptional: true });
  expect(reasons).toEqual([{ code: "wrong_type", field: "job_id", detail: 'job_id must be a whole number, not "1"' }]);
});

test("an unknown field is rejected, __proto__ too", () => {
  const row = JSON.parse(`{"__proto__": {"id": 7}, "ID": 1, ${JSON.stringify(pablo).slice(1)}`);
  expect(judged(row)).toEqual({ values: stored, reasons: ["unknown_field __proto__", "unknown_field ID"] });
  expect(judged(JSON.parse('{"__proto__": {"id": 7, "name": "Pablo"}}'), false).reasons).toContain("missing id");
});

test("if a key is repeated the last value counts, as in every JSON reader", () => {
  expect(judged(JSON.parse(`{"id": 8, ${JSON.stringify(pablo).slice(1)}`)).values[0]).toBe(7);
});

test("a hundred thousand unknown fields give only a few reasons", () => {
  const noise = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`${"n".repeat(500)}${index}`, 1]));
  const { reasons } = fromJson(employees, { ...pablo, ...noise }, { keyOptional: true });
  expect(JSON.stringify(reasons).length).toBeLessThan(20_000);
  expect(reasons.at(-1)?.detail).toBe("99990 more fields are unknown");
});

test.each([[null], [[]], [[pablo]], ["text"], [7], [true]])(
  "%j is not a row, and gets one reason without a field",
  (row) => {
    expect(judged(row)).toEqual({ values: Array(5).fill(undefined), reasons: ["wrong_type"] });
  },
);

test("a column that is nullable or has a default may be left out", () => {
  const table = only({
    notes: mysqlTable("notes", {
      id: int("id").autoincrement().primaryKey(),
      stars: int("stars").notNull().default(3),
      colour: varchar("colour", { length: 9 }).default("red"),
      at: datetime("at", { fsp: 3 }).notNull().default(new Date("2021-01-01T00:00:00Z")),
      text: varchar("text", { length: 9 }),
    }),
  });
  const expected = { values: [1, 3, "red", "2021-01-01 00:00:00.000", null], reasons: [] };
  expect(fromJson(table, { id: 1 }, { keyOptional: true })).toEqual(expected);
  expect(fromJson(table, { id: 1, stars: null, colour: " ", text: "" }, { keyOptional: true })).toEqual(expected);
});

test("a row written as JSON is read back unchanged", () => {
  fc.assert(
    fc.property(rows, (row) => {
      const sent = JSON.parse(JSON.stringify(toJson(things, row)));
      expect(fromJson(things, sent, { keyOptional: false })).toStrictEqual({ values: [...row], reasons: [] });
    }),
  );
});

test("a stored row is answered as plain JSON", () => {
  expect(toJson(employees, [7, "Pablo", "2021-11-07 02:48:42.050", 1, 2])).toEqual({
    ...pablo,
    datetime: "2021-11-07T02:48:42.050Z",
  });
});

test("the schema of a row accepts what the service answers, and describes it in JSON Schema", () => {
  const schema = rowSchema(employees);
  expect(schema.safeParse(toJson(employees, [7, "Pablo", "2021-11-07 02:48:42.000", 1, 2])).success).toBe(true);
  expect(schema.safeParse({ ...pablo, job_id: 0 }).success).toBe(false);
  expect(schema.safeParse({ ...pablo, hue: 1 }).success).toBe(false);
  expect(z.toJSONSchema(schema)).toMatchObject({
    properties: {
      id: { type: "integer", minimum: 1, maximum: 2147483647 },
      name: { type: "string", minLength: 1, maxLength: 255 },
      datetime: { type: "string", format: "date-time" },
    },
    required: ["id", "name", "datetime", "department_id", "job_id"],
    additionalProperties: false,
  });
});

test("rows made from the server's text give the same JSON as rows made from values", () => {
  fc.assert(
    fc.property(fc.array(rows, { maxLength: 40 }), fc.constantFrom(1, 250, 251, 70_000), (some, length) => {
      const array = new JsonArray(things);
      const wide = some.map((row) => (row[7] === null ? row : row.with(7, '"\u0001ä😀\\'.repeat(length / 5 + 1))));
      for (const row of wide) {
        const text = textOf(row);
        array.add({ buffer: text, offset: 4, end: text.length });
      }
      expect(array.rows).toBe(some.length);
      expect(array.bytes().toString()).toBe(`${JSON.stringify(wide.map((row) => toJson(things, row)))}\n`);
    }),
    { numRuns: 100 },
  );
});

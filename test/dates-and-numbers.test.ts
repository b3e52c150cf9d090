/** Numbers and dates as a recipe says they are written. */
import { describe, expect, test } from "bun:test";
import { bigint, date, datetime, decimal, double, int, mysqlTable } from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { DateTime } from "luxon";
import { csvRows } from "../src/read/csv/csv-rows.ts";
import { ndjsonRows } from "../src/read/formats/ndjson-rows.ts";
import { readingTable } from "../src/read/recipes/reading-table.ts";
import { FileRecipe } from "../src/read/recipes/recipe.ts";
import { only } from "./support/things.ts";

const things = only({
  things: mysqlTable("things", {
    id: int("id").autoincrement().primaryKey(),
    size: int("size"),
    many: bigint("many", { mode: "bigint" }),
    price: decimal("price", { precision: 12, scale: 3 }),
    weight: double("weight"),
    at: datetime("at", { mode: "string", fsp: 3 }),
    day: date("day", { mode: "string" }),
  }),
});

/**
 * Reads one cell of a column, from CSV: in quotes, and also without them if it can be.
 * @returns its value, or the reason why it has none
 */
async function read(column: string, cell: string, recipe: object): Promise<unknown> {
  const quoted = await only1(csvRows, `id,${column}\n1,"${cell}"\n`, column, recipe);
  if (!cell.includes(",")) expect(await only1(csvRows, `id,${column}\n1,${cell}\n`, column, recipe)).toEqual(quoted);
  return quoted;
}

const readJson = (column: string, value: unknown, recipe: object) =>
  only1(ndjsonRows, JSON.stringify({ id: 1, [column]: value }), column, recipe);

async function only1(reader: typeof csvRows | typeof ndjsonRows, text: string, column: string, recipe: object) {
  async function* chunks() {
    yield Buffer.from(text);
  }
  for await (const rows of reader(things, chunks(), "a", { recipe: FileRecipe.parse(recipe) }))
    for (const { values, reasons } of rows)
      return reasons.length > 0
        ? reasons.map(({ detail }) => detail).join()
        : values[things.columns.findIndex(({ name }) => name === column)];
  throw new Error("there is no row");
}

describe("numbers", () => {
  test.each([
    ["size", "1.234", { decimal: ",", group: "." }, 1234],
    ["size", "1234", { decimal: ",", group: "." }, 1234],
    ["size", "-12.345.678", { decimal: ",", group: "." }, -12_345_678],
    ["size", "12.34", { decimal: ",", group: "." }, "must be a whole number like 1.234, as the recipe says"],
    ["size", "1.2345", { decimal: ",", group: "." }, "must be a whole number like 1.234"],
    ["size", "8,0", { decimal: ",", wholeDecimals: true }, 8],
    ["size", "8.0", { wholeDecimals: true }, 8],
    ["size", "8.00", { wholeDecimals: true }, 8],
    ["size", "8.5", { wholeDecimals: true }, 'must be a whole number, not "8.5"'],
    ["size", "8.0", {}, 'must be a whole number, not "8.0"'],
    ["size", "1 234", { group: " " }, 1234],
    ["size", "1\u00A0234", { group: " " }, 1234],
    ["size", "1\u202F234", { group: " " }, 1234],
    ["size", "1\u2019234", { group: "'" }, 1234],
    ["many", "9.223.372.036.854.775.807", { decimal: ",", group: "." }, "9223372036854775807"],
    ["price", "1.234,5", { decimal: ",", group: "." }, "1234.500"],
    ["price", "1,5", { decimal: "," }, "1.500"],
    ["price", "1.5", { decimal: "," }, 'must be a number like 1234,5, as the recipe says, not "1.5"'],
    ["price", "1,234.5", { group: "," }, "1234.500"],
    ["price", "1,2345", { decimal: "," }, "keeps 3 decimals"],
    ["weight", "1,5e3", { decimal: "," }, 1500],
    ["size", "007", { group: ".", decimal: "," }, 7],
    ["size", "1.000,0", { group: ".", decimal: ",", wholeDecimals: true }, 1000],
    ["size", "1.234", { decimal: "," }, 'must be a whole number like 1234, as the recipe says, not "1.234"'],
    ["size", ".234", { group: ".", decimal: "," }, "must be a whole number like 1.234"],
    ["size", "1234.567", { group: ".", decimal: "," }, "must be a whole number like 1.234"],
    ["size", "1..234", { group: ".", decimal: "," }, "must be a whole number like 1.234"],
    ["price", "1,5,0", { decimal: "," }, "must be a number like 1234,5"],
    ["price", "1'234'567.25", { group: "'" }, "1234567.250"],
    ["weight", "-1_000_000.5", { group: "_" }, -1_000_000.5],
  ])("%s %j by %j is %j", async (column, cell, recipe, expected) => {
    const value = await read(column, cell, recipe);
    if (typeof expected === "string" && typeof value === "string") expect(value).toContain(expected);
    else expect(value).toBe(expected);
  });

  test("JSON numbers are typed, so a recipe does not change them", async () => {
    expect(await readJson("weight", 1.5, { decimal: "," })).toBe(1.5);
    expect(await readJson("size", 8.0, {})).toBe(8);
  });

  test.each([{ decimal: ",", group: "," }, { group: "." }])(
    "%j is refused: one character cannot mean both",
    (recipe) => {
      expect(FileRecipe.safeParse(recipe).error?.issues[0]?.message).toContain(
        "must be another character than decimal",
      );
    },
  );

  test("any number is read back, however it is grouped", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
        fc.constantFrom(...([".", ",", " ", "'", "_"] as const)),
        async (number, group) => {
          const text = String(number).replace(/\B(?=(\d{3})+$)/g, group);
          expect(await read("size", text, { group, decimal: group === "." ? "," : "." })).toBe(number);
        },
      ),
    ));
});

describe("dates", () => {
  const BOGOTA = "America/Bogota";
  test.each([
    ["31/12/2021 21:30", ["dd/MM/yyyy HH:mm"], BOGOTA, "2022-01-01 02:30:00.000"],
    ["1/2/2021", ["d/M/yyyy"], "UTC", "2021-02-01 00:00:00.000"],
    ["01.02.2021 7:05:09", ["dd.MM.yyyy H:mm:ss"], "+01:00", "2021-02-01 06:05:09.000"],
    ["02/01/2021 12:00 AM", ["MM/dd/yyyy hh:mm a"], "UTC", "2021-02-01 00:00:00.000"],
    ["02/01/2021 12:01 pm", ["MM/dd/yyyy hh:mm a"], "UTC", "2021-02-01 12:01:00.000"],
    ["1-Feb-2021", ["d-MMM-yyyy"], "UTC", "2021-02-01 00:00:00.000"],
    ["1 FEBRUARY 2021", ["d MMMM yyyy"], "UTC", "2021-02-01 00:00:00.000"],
    ["Mon, 01 Feb 2021 10:00:00 +0200", ["EEE, dd MMM yyyy HH:mm:ss Z"], undefined, "2021-02-01 08:00:00.000"],
    ["20210201T101112.250Z", ["yyyyMMdd'T'HHmmss.SSSXXX"], undefined, "2021-02-01 10:11:12.250"],
    ["1612174272", ["epoch"], undefined, "2021-02-01 10:11:12.000"],
    ["1612174272.25", ["epoch"], undefined, "2021-02-01 10:11:12.250"],
    ["1612174272250", ["epochMillis"], undefined, "2021-02-01 10:11:12.250"],
    ["-1", ["epoch"], undefined, "1969-12-31 23:59:59.000"],
    ["2021-02-01 10:11:12 UTC", ["yyyy-MM-dd HH:mm:ss z"], undefined, "2021-02-01 10:11:12.000"],
    ["Mon, 01 Feb 2021 10:11:12 gmt", ["EEE, dd MMM yyyy HH:mm:ss z"], undefined, "2021-02-01 10:11:12.000"],
    ["2021-11-07 01:30 -0500", ["yyyy-MM-dd HH:mm XXX"], "America/New_York", "2021-11-07 06:30:00.000"],
    ["2021-02-01 10:11:12", undefined, BOGOTA, "2021-02-01 15:11:12.000"],
    ["2021-02-01T10:11", undefined, BOGOTA, "2021-02-01 15:11:00.000"],
    ["2021-02-01 10:11:12.5", undefined, BOGOTA, "2021-02-01 15:11:12.500"],
    ["2021-02-01T10:11:12Z", undefined, BOGOTA, "2021-02-01 10:11:12.000"],
    ["2021-02-01T10:11:12-03:00", ["dd/MM/yyyy"], BOGOTA, "2021-02-01 13:11:12.000"],
    ["01/02/2021", ["dd/MM/yyyy HH:mm", "dd/MM/yyyy"], "UTC", "2021-02-01 00:00:00.000"],
  ])("%s by %j in %s is %s in UTC", async (cell, formats, zone, expected) => {
    const recipe = { datetime: { ...(formats && { formats }), ...(zone && { zone }) } };
    expect(await read("at", cell, recipe)).toBe(expected);
    expect(await readJson("at", cell, recipe)).toBe(expected);
  });

  test.each([
    ["31/02/2021", ["dd/MM/yyyy"], "UTC", "on a day that does not exist"],
    ["01/02/2021 24:00", ["dd/MM/yyyy HH:mm"], "UTC", "at a time that does not exist"],
    ["01/02/2021 13:00 PM", ["dd/MM/yyyy hh:mm a"], "UTC", "at a time that does not exist"],
    ["Tue, 01 Feb 2021", ["EEE, dd MMM yyyy"], "UTC", "a weekday that does not fit its day"],
    ["2021-02", ["dd/MM/yyyy HH:mm"], "UTC", 'must be a date like dd/MM/yyyy HH:mm, as the recipe says, not "2021-02"'],
    ["01/02/2021x", ["dd/MM/yyyy"], "UTC", "must be a date like"],
    ["01/02/21", ["dd/MM/yyyy"], "UTC", "must be a date like"],
    ["01/02/2021 10:00:00.1234", ["dd/MM/yyyy HH:mm:ss.SSSS"], "UTC", "keeps 3 decimals of a second"],
    [
      "2021-11-07 01:30:00",
      undefined,
      "America/New_York",
      "exists twice in America/New_York: as 2021-11-07T05:30:00Z and as 2021-11-07T06:30:00Z",
    ],
    [
      "2021-03-14 02:30:00",
      undefined,
      "America/New_York",
      "does not exist in America/New_York: the clocks went from 02:00:00 to 03:00:00",
    ],
    ["2021-03-28 02:30:00", undefined, "Europe/Berlin", "does not exist in Europe/Berlin"],
    ["2018-11-04 00:30:00", undefined, "America/Sao_Paulo", "the clocks went from 00:00:00 to 01:00:00"],
    ["2021-04-04 01:45:00", undefined, "Australia/Lord_Howe", "exists twice"],
    [
      "2011-12-30 12:00:00",
      undefined,
      "Pacific/Apia",
      "the clocks went from 2011-12-30T00:00:00 to 2011-12-31T00:00:00",
    ],
    ["2021-10-03 02:15:00", undefined, "Australia/Lord_Howe", "the clocks went from 02:00:00 to 02:30:00"],
    ["9999-12-31 23:00:00", undefined, "-05:00", 'not "9999-12-31 23:00:00"'],
    ["01/02/0999", ["dd/MM/yyyy"], "UTC", 'must be from the year 1000 to 9999, not "01/02/0999"'],
    ["2021-02-01 10:00 EST", ["yyyy-MM-dd HH:mm z"], undefined, "must be a date like"],
    ["20210201", ["epoch", "yyyyMMdd"], "UTC", "which two formats of the recipe read differently"],
    ["2021-02-01 10:11:12.", undefined, "UTC", "must have Z or an offset"],
    ["2021-02-01 10:11.5", undefined, "UTC", "must have Z or an offset"],
    ["2021-02-30 10:11", undefined, "UTC", "on a day that does not exist"],
    ["2021-02-01", undefined, "UTC", "the time and the zone are missing"],
  ])("%s by %j in %s is rejected: %s", async (cell, formats, zone, why) => {
    expect(await read("at", cell, { datetime: { ...(formats && { formats }), zone } })).toContain(why);
  });

  test.each([
    ["Asia/Kathmandu", "2021-02-01 05:45:00", "2021-02-01 00:00:00.000"],
    ["Asia/Kathmandu", "1980-02-01 05:30:00", "1980-02-01 00:00:00.000"],
    ["Africa/Monrovia", "1960-01-01 00:00:00", "1960-01-01 00:44:30.000"],
    ["America/New_York", "1850-01-01 00:00:00", "1850-01-01 04:56:02.000"],
  ])("%s keeps its old offsets: %s is %s", async (zone, cell, expected) => {
    expect(await read("at", cell, { datetime: { zone } })).toBe(expected);
  });

  test("a day is kept as it is written, without a zone", async () => {
    expect(await read("day", "31.12.2021", { datetime: { formats: ["dd.MM.yyyy"], zone: "Asia/Tokyo" } })).toBe(
      "2021-12-31",
    );
    expect(
      await read("day", "31.12.2021 08:00", { datetime: { formats: ["dd.MM.yyyy HH:mm"], zone: "UTC" } }),
    ).toContain("has a time");
    expect(await read("day", "2021-12-31", { datetime: { zone: "UTC" } })).toBe("2021-12-31");
  });

  test.each([
    [["dd/MM/yy"], "two digits of a year"],
    [["dd/MM/yyyy", "MM/dd/yyyy"], "two meanings"],
    [["d/M/yyyy", "MM/dd/yyyy"], "two meanings"],
    [["dd/MM/yyyy H:mm", "M/d/yyyy HH:mm"], "two meanings"],
    [["yyyyddMM", "yyyyMMdd"], "two meanings"],
    [["epoch", "epochMillis"], "two meanings"],
    [["dd/MM"], "must have year, month and day"],
    [["dd/MM/yyyy qq"], "has qq, which is not read"],
    [["dd/MM/yyyy hh:mm"], "HH for 24 hours"],
    [["dMyyyy"], "digits without an end"],
    [["yyyy-MM-dd'T'HH:mm:ss'Z'"], "end it in XXX"],
    [["yyyy-MM-dd 'at"], "a quote that is not closed"],
  ])("the formats %j are refused: %s", (formats, why) => {
    const { error } = FileRecipe.safeParse({ datetime: { formats, zone: "UTC" } });
    expect(error?.issues[0]?.message).toContain(why);
  });

  test.each([
    [["dd/MM/yyyy HH:mm", "dd/MM/yyyy"]],
    [["dd/MM/yyyy", "d/M/yyyy"]],
    [["dd/MM/yyyy", "dd-MM-yyyy", "yyyy-MM-dd"]],
    [["dd MMM yyyy", "dd MM yyyy", "MMM dd yyyy"]],
    [["dd/MM/yyyy", "MM/dd/yyyy hh:mm a"]],
  ])("the formats %j can stand beside one another", (formats) => {
    expect(FileRecipe.safeParse({ datetime: { formats, zone: "UTC" } }).success).toBe(true);
  });

  test("seconds since 1970 can be numbers in JSON, if the recipe says so", async () => {
    expect(await readJson("at", 1612174272, { datetime: { formats: ["epoch"] } })).toBe("2021-02-01 10:11:12.000");
    expect(await readJson("at", 1612174272250, { datetime: { formats: ["epochMillis"] } })).toBe(
      "2021-02-01 10:11:12.250",
    );
    expect(await readJson("at", 20210201, { datetime: { formats: ["yyyyMMdd"], zone: "UTC" } })).toContain(
      "must be an instant as text",
    );
  });

  test("a table is derived once for each recipe, because a replay asks for it at each row", () => {
    const recipe = { datetime: { zone: "America/Bogota" } };
    expect(readingTable(things, { ...recipe, delimiter: ";" })).toBe(readingTable(things, structuredClone(recipe)));
    expect(readingTable(things, { datetime: { zone: "UTC" } })).not.toBe(readingTable(things, recipe));
    expect(readingTable(things, { delimiter: ";" })).toBe(things);
    expect(readingTable(things, undefined)).toBe(things);
  });

  test.each(["Mars/Olympus", "+25:00", "5", ""])("the zone %j is refused", (zone) => {
    expect(FileRecipe.safeParse({ datetime: { zone } }).error?.issues[0]?.message).toContain("must be a time zone");
  });

  test("formats without a zone refuse the file", async () => {
    const reading = read("at", "1/2/2021", { datetime: { formats: ["d/M/yyyy"] } });
    expect(reading).rejects.toThrow(/do not say their time zone.*--zone America\/Bogota/);
  });

  const ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
  ].concat([
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Tehran",
    "America/St_Johns",
    "Antarctica/Troll",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Atlantic/Azores",
    "Australia/Sydney",
    "America/Caracas",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Pacific/Chatham",
    "Asia/Gaza",
    "America/Asuncion",
  ]);

  test("any instant is read back from its local time, or rejected because that exists twice", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -2_200_000_000, max: 4_000_000_000 }),
        fc.constantFrom(...ZONES),
        fc.constantFrom("dd/MM/yyyy HH:mm:ss", "M/d/yyyy h:mm:ss a", "EEE d MMM yyyy HH:mm:ss", "yyyyMMddHHmmss"),
        async (second, zone, format) => {
          const local = DateTime.fromSeconds(second, { zone, locale: "en-US" });
          const value = await read("at", local.toFormat(format), { datetime: { formats: [format], zone } });
          const utc = `${new Date(second * 1000).toISOString().slice(0, 19).replace("T", " ")}.000`;
          if (local.getPossibleOffsets().length > 1) expect(value).toContain("exists twice");
          else if (Number.isInteger(local.offset)) expect(value).toBe(utc);
        },
      ),
      { numRuns: 300 },
    ));
});

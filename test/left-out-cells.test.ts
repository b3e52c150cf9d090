/** Records of which some cells are left out, and tables whose ids the database assigns. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { csvLine, fromCsv, fromRecord, LEFT_OUT, toCsv } from "../src/codecs/csv.ts";
import { type CsvRecord, parseCsv } from "../src/codecs/csv-parser.ts";
import { readingTable } from "../src/read/recipes/reading-table.ts";
import { tableOf } from "./support/dictionary.ts";
import { rows, things } from "./support/things.ts";

test("cells that are left out change nothing about the others", async () => {
  const cells = fc.uniqueArray(fc.nat(15), { minLength: 1, maxLength: 4 });
  const noise = fc.constantFrom("", "x", "1", "é", '"', "\uFEFF");
  await fc.assert(
    fc.asyncProperty(rows, cells, noise, async (row, places, text) => {
      const order = things.columns.map((_, index) => index);
      const texts = things.columns.map((column, index) => column.codec.toCsv(row[index] ?? null));
      for (const at of places) {
        order.splice(at, 0, LEFT_OUT);
        texts.splice(at, 0, text);
      }
      const plain = await recordOf(toCsv(things, row));
      const expected = fromRecord(things, plain, undefined);
      expect(fromRecord(things, await recordOf(csvLine(texts)), order)).toEqual(expected);
      expect(fromCsv(things, texts, order)).toEqual(expected);
    }),
  );
});

test("a column whose cell is left out has its fallback, also if the number of cells is the table's", async () => {
  const order = things.columns.map(({ name }, index) => (name === "note" ? LEFT_OUT : index));
  const texts = ["1", "2", "3", "4.000", "5", "true", "Ana", "left out", "2021-01-01"];
  texts.push("2021-01-01T00:00:00Z", "2021-01-01T00:00:00Z");
  const record = await recordOf(csvLine(texts));
  const { values, reasons } = fromRecord(things, record, order);
  expect({ note: values[7], count: values.length, reasons }).toEqual({ note: null, count: 11, reasons: [] });
  expect(fromCsv(things, record.cells, order)).toEqual({ values, reasons });
});

test("an id that the database assigns may be missing, and any other required column may not", async () => {
  const table = readingTable(tableOf("jobs"), { ids: "database" });
  const record = await recordOf("Baker,old");
  const assigned = { values: [undefined, "Baker"], reasons: [] };
  expect(fromRecord(table, record, [1, LEFT_OUT])).toEqual(assigned);
  expect(fromRecord(table, await recordOf("Baker"), [1])).toEqual(assigned);
  expect(fromCsv(table, ["Baker", "old"], [1, LEFT_OUT])).toEqual(assigned);
  expect(fromCsv(table, ["Baker", "old"], [LEFT_OUT, LEFT_OUT]).reasons).toMatchObject([{ field: "job" }]);
  expect(readingTable(tableOf("jobs"), undefined)).toBe(tableOf("jobs"));
});

async function recordOf(text: string): Promise<CsvRecord> {
  const chunks = (async function* () {
    yield Buffer.from(`\n${text}`);
  })();
  const [record] = (await Array.fromAsync(parseCsv(chunks))).flat();
  if (!record) throw new Error("there is no record");
  return record;
}

/** Workbooks (.xlsx): those that openpyxl and XlsxWriter write, and those that are damaged or made to do harm. */

import { afterAll, describe, expect, test } from "bun:test";
import { dateText, kindOfCode, numberText } from "../src/read/formats/xlsx-dates.ts";
import { tableOf } from "./support/dictionary.ts";
import { removeFolders } from "./support/files.ts";
import { withoutPython, written } from "./support/python.ts";
import { readJobs, refusalOf } from "./support/read-file.ts";
import { type WorkbookParts, workbook } from "./support/workbook.ts";
import { zipOf } from "./support/zip.ts";

afterAll(removeFolders);
const hires = tableOf("hired_employees");

const read = async (content: Uint8Array, options?: Parameters<typeof readJobs>[2]) => {
  const said: string[] = [];
  const rows = await readJobs("jobs.xlsx", content, { chunkBytes: 1024, say: (line) => said.push(line), ...options });
  return {
    rows: rows.map(({ position, values, reasons }): [number, typeof values, string[]] => [
      position,
      values,
      reasons.map(({ code }) => code),
    ]),
    raw: rows.map(({ raw }) => raw.toString()),
    said,
  };
};
const refused = (content: Uint8Array, options?: Parameters<typeof readJobs>[2]) =>
  refusalOf("jobs.xlsx", content, options);
/** A row of cells in the columns A, B and so on. */
const row = (number: number, ...cells: string[]) => `<row r="${number}">${cells.join("")}</row>`;

test("cells of each kind are read as a person sees them", async () => {
  const rows =
    row(2, "<c><v>1</v></c>", '<c t="s"><v>1</v></c>') +
    row(5, '<c r="A5"><v>2.0</v></c>', '<c r="B5" t="str"><f>A1</f><v>a_x000D_b_x005F_</v></c>') +
    row(6, "<c><v>3E0</v></c>", '<c t="b"><v>1</v></c><c s="9"/><c s="9"/>') +
    row(
      7,
      '<c t="e"><v>#N/A</v></c>',
      '<c t="inlineStr"><is><r><t>Ba</t></r><r><t>ker</t></r><rPh><t>x</t></rPh></is></c>',
    ) +
    row(8, '<c t="inlineStr"><is><t>one\ntwo</t></is></c>', "<c><f>A1</f></c>") +
    row(9, "<c><v>9</v></c>", "<c><v>0.30000000000000004</v></c>");
  const {
    rows: found,
    raw,
    said,
  } = await read(workbook({ rows, strings: "<si/><si><t xml:space='preserve'>Cook, &amp;</t></si>" }));
  expect(raw).toEqual(['1,"Cook, &"', '2,"a\rb_"', "3,true", "#N/A,Baker", '"one\ntwo",', "9,0.3"]);
  expect(found).toEqual([
    [2, [1, "Cook, &"], []],
    [5, [2, "a\rb_"], []],
    [6, [3, "true"], []],
    [7, [undefined, "Baker"], ["wrong_type"]],
    [8, [undefined, undefined], ["wrong_type", "missing"]],
    [9, [9, "0.3"], []],
  ]);
  expect(said).toEqual([
    "jobs.xlsx: took 1 formula without a result as empty: open the workbook in Excel, and save it",
  ]);
});

test("the sheet is the only visible one, or the one that the recipe names", async () => {
  const sheets = (...states: string[]) =>
    workbook({
      workbook: `<workbook><sheets>${states.map((state, index) => `<sheet name="S ${index + 1}" state="${state}" r:id="r${index + 1}"/>`).join("")}</sheets></workbook>`,
      rows: row(2, "<c><v>1</v></c>", "<c><v>7</v></c>"),
    });
  expect((await read(sheets("visible", "hidden"))).said).toEqual([
    'jobs.xlsx: read the sheet "S 1", and left out "S 2"',
  ]);
  expect(await refused(sheets("visible", "visible"))).toBe(
    'jobs.xlsx: the workbook has 2 sheets, "S 1", "S 2": name the one to read with --sheet \'S 1\' (HTTP: sheet=S%201)',
  );
  expect(await refused(sheets("hidden", "veryHidden"))).toContain(
    'the workbook has only hidden sheets, "S 1", "S 2": name',
  );
  expect(await refused(sheets())).toBe("jobs.xlsx: the workbook has no sheet with cells");
  expect((await read(sheets("visible", "visible"), { recipe: { sheet: "S 2" } })).rows).toEqual([[2, [1, "7"], []]]);
  expect(await refused(sheets("visible"), { recipe: { sheet: "S 3" } })).toBe(
    'jobs.xlsx: the workbook has no sheet "S 3": name one of "S 1"',
  );
});

test("options for text are refused, the others hold", async () => {
  const file = workbook({ rows: row(2, "<c><v>1</v></c>", '<c t="str"><v>none</v></c>') });
  expect(await refused(file, { recipe: { delimiter: ";" } })).toContain(
    "--delimiter ';' (HTTP: delimiter=;) is for files of text, and this is a workbook",
  );
  expect((await read(file, { recipe: { null: ["none"], columns: { id: "job", job: "id" } } })).rows).toEqual([
    [2, [undefined, "1"], ["missing"]],
  ]);
});

test.each([
  ["yyyy-mm-dd", "day"],
  ["d/m/yy h:mm;@", "daytime"],
  ["[$-409]mmmm d, yyyy", "day"],
  ["h:mm AM/PM", "time"],
  ["mm:ss.0", "time"],
  ["[h]:mm:ss", "number"],
  ["General", "number"],
  ['0.00" days"', "number"],
  ["[Red]#,##0.00_);\\d", "number"],
  ["mmm", "day"],
])("the format %s is for a %s", (code, kind) => {
  expect(kindOfCode(code)).toBe(kind as ReturnType<typeof kindOfCode>);
});

test.each<[number, Parameters<typeof dateText>[1], boolean, string | undefined]>([
  [44507.117152777777, "daytime", false, "2021-11-07T02:48:42"],
  [44507.1171527894, "daytime", false, "2021-11-07T02:48:42.001"],
  [44507, "day", false, "2021-11-07"],
  [44507, "daytime", false, "2021-11-07T00:00:00"],
  [44507.5, "day", false, "2021-11-07T12:00:00"],
  [43045, "day", true, "2021-11-07"],
  [0, "day", true, "1904-01-01"],
  [1, "day", false, "1900-01-01"],
  [59, "day", false, "1900-02-28"],
  [60, "day", false, "1900-02-29"],
  [61, "day", false, "1900-03-01"],
  [0.5, "time", false, "12:00:00"],
  [0.5, "time", true, "12:00:00"],
  [0.5, "day", true, "1904-01-01T12:00:00"],
  [2958465, "day", false, "9999-12-31"],
  [2958466, "day", false, undefined],
  [-1, "day", false, undefined],
])("the number %p of a format for a %s (from 1904: %p) is %p", (serial, kind, is1904, text) => {
  expect(dateText(serial, kind, is1904)).toBe(text);
});

test.each([
  ["8", "8"],
  ["8.0", "8"],
  ["1.1000000000000001", "1.1"],
  ["12345678901234567890", "12345678901234567890"],
  ["1E+21", "1000000000000000000000"],
  ["1.5E-7", "0.00000015"],
  ["-1.25E+2", "-125"],
  ["x", undefined],
])("the number %s is read as %p", (value, text) => {
  expect(numberText(value)).toBe(text);
});

test("a workbook that is cut off anywhere, or has a changed byte, is refused or gives the same rows", async () => {
  const whole = workbook({ rows: row(2, "<c><v>1</v></c>", "<c><v>7</v></c>") });
  for (let length = 1; length < whole.length; length += 7) await refused(whole.subarray(0, length));
  for (let at = 0; at < whole.length; at += 3) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    const found = await read(changed).catch(({ code }) => code);
    if (found !== "refused") expect([at, found.rows]).toEqual([at, [[2, [1, "7"], []]]]);
  }
});

const DTD = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>';
test.each<[string, WorkbookParts, string]>([
  ["entities that grow", { workbook: `${DTD}<workbook>&b;</workbook>` }, "it has a DTD"],
  ["unknown entities", { rows: row(2, "<c><v>&x;</v></c>") }, "Invalid character entity"],
  ["deep XML", { around: "<a>".repeat(100_000) }, "it is nested over 64 levels deep"],
  ["a long name", { around: `<${"a".repeat(300_000)}/>` }, "Max buffer length exceeded"],
  [
    "many attributes",
    { around: `<a ${Array.from({ length: 1000 }, (_, n) => `a${n}="" `).join("")}/>` },
    "over 256 attributes",
  ],
  ["a long cell", { rows: row(2, `<c t="str"><v>${"a".repeat(300_000)}</v></c>`) }, "more than the 32767 characters"],
  [
    "a wide row",
    { rows: row(2, ...Array.from({ length: 40 }, () => `<c t="str"><v>${"a".repeat(32_000)}</v></c>`)) },
    "row 2 has over 1048576 characters",
  ],
  ["a row too far down", { rows: row(9_999_999) }, "after row 1 comes row 9999999"],
  ["rows out of order", { rows: row(5) + row(4) }, "after row 5 comes row 4"],
  ["a cell too far right", { rows: row(2, '<c r="ZZZ2"/>') }, "row 2 has a cell ZZZ2"],
  ["a text that is missing", { rows: row(2, '<c t="s"><v>4</v></c>') }, "row 2 names a text that is missing: 4"],
  ["a number too large for any number", { rows: row(2, "<c><v>1e999</v></c>") }, "row 2 has a number 1e999"],
  ["XML that is cut off", { around: "<a><b>" }, "Unexpected close tag"],
  ["two parts of one name", { more: [{ name: "xl/styles.xml", content: "" }] }, "it has two parts of one name"],
  [
    "a lying size",
    { more: [{ name: "xl/sharedStrings.xml", content: "<sst/>", claimed: { size: 2 } }] },
    "another size",
  ],
])("a workbook with %s is refused", async (_, parts, why) => {
  expect(await refused(workbook(parts))).toContain(why);
});

test("what is no workbook is named", async () => {
  expect(await refused(zipOf({ name: "jobs.csv", content: "id,job\n" }))).toContain("it has no workbook");
  expect(await refused(Buffer.from("id,job\n"))).toContain("it is not an Excel workbook (.xlsx), and begins with");
  expect(await refusalOf("jobs.csv", workbook())).toContain("it is an Excel workbook (.xlsx): end its name in .xlsx");
});

const OPENPYXL = `
import openpyxl, datetime as dt
book = openpyxl.Workbook()
sheet = book.active
sheet.append(["Hires of 2021"])
sheet.append([])
sheet.append(["id", "name", "datetime", "department_id", "job_id", "day"])
for i in range(1, 2001):
  sheet.append([i, "Zoë, %d" % i, dt.datetime(2021, 11, 7, 2, 48, 42) + dt.timedelta(seconds=i, milliseconds=i % 2), i % 12 + 1, float(i % 180 + 1), dt.date(2021, 11, 7)])
sheet["H500"] = "checked"
sheet["C60"] = "=NOW()"
sheet.column_dimensions["B"].hidden = True
sheet.row_dimensions[40].hidden = True
sheet.merge_cells("A1:E1")
book.create_sheet("Old").sheet_state = "hidden"
for system in [1900, 1904]:
  if system == 1904: book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
  book.save("%d.xlsx" % system)`;

const withoutOpenpyxl = withoutPython("openpyxl");
describe.skipIf(withoutOpenpyxl !== "")(`what openpyxl writes${withoutOpenpyxl}`, () => {
  test.each(["1900", "1904"])("dates counted from %s, a title, hidden rows and stray cells", async (system) => {
    const file = await written(OPENPYXL);
    const recipe = { skip: 2, ignore: ["day"], datetime: { zone: "America/Bogota" } };
    const { rows, said } = await read(await file(`${system}.xlsx`), { table: hires, recipe });
    expect(rows.length).toBe(2000);
    expect(rows[0]).toEqual([4, [1, "Zoë, 1", "2021-11-07 07:48:43.001", 2, 2], []]);
    expect(rows[1999]).toEqual([2003, [2000, "Zoë, 2000", "2021-11-07 08:22:02.000", 9, 21], []]);
    expect(rows.filter(([, , reasons]) => reasons.length).map(([position, , reasons]) => [position, reasons])).toEqual([
      [60, ["missing"]],
      [500, ["wrong_field_count"]],
    ]);
    expect(said).toEqual([
      'jobs.xlsx: read the sheet "Sheet", and left out "Old"',
      'jobs.xlsx: left out the cells under "day"',
      "jobs.xlsx: read 1 hidden row and 1 hidden column like the others",
      "jobs.xlsx: only the first cell of 1 merged range has the value",
      "jobs.xlsx: took 1 formula without a result as empty: open the workbook in Excel, and save it",
    ]);
  });
});

const XLSXWRITER = `
import xlsxwriter, datetime as dt
for options in [{}, {"constant_memory": True}, {"date_1904": True}]:
  book = xlsxwriter.Workbook("_".join(["x", *options]) + ".xlsx", options)
  sheet = book.add_worksheet("Año 2021")
  date = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss.000"})
  bold = book.add_format({"bold": True})
  sheet.write_row(0, 0, ["id", "name", "datetime", "department_id", "job_id"])
  for i in range(1, 301):
    sheet.write_number(i, 0, i)
    sheet.write_rich_string(i, 1, bold, "Zoë", " %d" % i)
    sheet.write_datetime(i, 2, dt.datetime(2021, 11, 7, 2, 48, 42, 250000), date)
    sheet.write_formula(i, 3, "=1+1", None, 2)
    sheet.write_number(i, 4, 180)
    sheet.write_blank(i, 5, None, bold)
  book.close()`;

const withoutWriter = withoutPython("xlsxwriter");
test.skipIf(withoutWriter !== "")(
  `what XlsxWriter writes is read, and blank cells with a format do not count${withoutWriter}`,
  async () => {
    const file = await written(XLSXWRITER);
    for (const name of ["x", "x_constant_memory", "x_date_1904"]) {
      const { rows } = await read(await file(`${name}.xlsx`), { table: hires, recipe: { datetime: { zone: "UTC" } } });
      expect([name, rows.length, rows[299]]).toEqual([
        name,
        300,
        [301, [300, "Zoë 300", "2021-11-07 02:48:42.250", 2, 180], []],
      ]);
      expect(rows.every(([, , reasons]) => reasons.length === 0)).toBe(true);
    }
  },
);

/** Makes workbooks (.xlsx) part by part, also such as no program writes. */
import { type ZipEntry, zipOf } from "./zip.ts";

const RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const relations = (...targets: [type: string, target: string][]) =>
  `<Relationships>${targets.map(([type, target], index) => `<Relationship Id="r${index + 1}" Type="${RELATIONS}/${type}" Target="${target}"/>`).join("")}</Relationships>`;
const headOf = ([a, b]: readonly [string, string]) =>
  `<row r="1"><c r="A1" t="inlineStr"><is><t>${a}</t></is></c><c r="B1" t="inlineStr"><is><t>${b}</t></is></c></row>`;

export interface WorkbookParts {
  rows?: string;
  /** The names in the first row. */
  head?: readonly [string, string];
  around?: string;
  workbook?: string;
  styles?: string;
  strings?: string;
  more?: ZipEntry[];
}

/** A workbook with a sheet Jobs: the header of jobs and some rows. */
export function workbook({
  rows = "",
  head = ["id", "job"],
  around = "",
  workbook,
  styles = "",
  strings,
  more = [],
}: WorkbookParts = {}): Buffer {
  const sheet = `<?xml version="1.0"?><worksheet>${around}<sheetData>${headOf(head)}${rows}</sheetData></worksheet>`;
  const main = workbook ?? `<workbook><sheets><sheet name="Jobs" sheetId="1" r:id="r1"/></sheets></workbook>`;
  const parts: [type: string, target: string][] = [
    ["worksheet", "worksheets/sheet1.xml"],
    ["worksheet", "worksheets/sheet2.xml"],
    ["styles", "styles.xml"],
    ["sharedStrings", "sharedStrings.xml"],
  ];
  return zipOf(
    { name: "[Content_Types].xml", content: "<Types/>" },
    { name: "_rels/.rels", content: relations(["officeDocument", "xl/workbook.xml"]) },
    { name: "xl/workbook.xml", content: main },
    { name: "xl/_rels/workbook.xml.rels", content: relations(...parts) },
    { name: "xl/worksheets/sheet1.xml", content: sheet },
    { name: "xl/worksheets/sheet2.xml", content: sheet },
    { name: "xl/styles.xml", content: `<styleSheet>${styles}</styleSheet>` },
    ...(strings === undefined ? [] : [{ name: "xl/sharedStrings.xml", content: `<sst>${strings}</sst>` }]),
    ...more,
  );
}

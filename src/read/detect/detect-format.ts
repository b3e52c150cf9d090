/** Finds the format of a file by its first bytes, and compares it with what its name says. */

import { markedType } from "../formats/file-type.ts";
import type { FormatName } from "../recipes/recipe.ts";
import { type Finding, said } from "./detection.ts";

/**
 * @param head the first bytes, unpacked
 * @param text the same as text
 * @param byName the format that the name says, or the media type of a request
 * @param given the format that the user names
 */
export function detectFormat(
  head: Buffer,
  text: string,
  byName: FormatName | undefined,
  given: FormatName | undefined,
): { format: FormatName; finding: Finding } {
  const part = "format";
  if (given) return { format: given, finding: said(part, given) };
  const binary = binaryOf(head, byName);
  const seen = binary ?? jsonOf(text);
  const evidence = seen?.evidence ?? "it is text and no JSON";
  const format = seen?.format ?? (byName === "tsv" ? "tsv" : "csv");
  if (format === byName)
    return { format, finding: { part, is: format, evidence: `its name says so, and ${evidence}` } };
  const recipe = format === "csv" && byName === undefined ? {} : { recipe: { format } };
  return { format, finding: { part, is: format, evidence, ...recipe } };
}

interface Seen {
  format: FormatName;
  evidence: string;
}

function binaryOf(head: Buffer, byName: FormatName | undefined): Seen | undefined {
  const type = markedType(head);
  if (type === "avro") return { format: type, evidence: "it begins with Avro's mark, Obj and a byte 1" };
  if (type === "parquet") return { format: type, evidence: "it begins with Parquet's mark, PAR1" };
  if (type === "xlsx" || (type === "zip" && byName === "xlsx"))
    return { format: "xlsx", evidence: "it is a zip archive that begins like a workbook" };
  return undefined;
}

function jsonOf(text: string): Seen | undefined {
  const start = text.replace(/^\uFEFF?\s*/, "");
  if (/^\[\s*(?:[{\]]|$)/.test(start))
    return { format: "json", evidence: "it begins with [ and {, as an array of objects" };
  if (/^\{\s*["}]/.test(start)) return { format: "ndjson", evidence: 'it begins with {", as an object on each line' };
  return undefined;
}

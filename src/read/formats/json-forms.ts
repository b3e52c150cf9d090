/** Tells CSV, NDJSON and JSON arrays from each other by their first lines. */
import { shown } from "../../shown.ts";
import { option } from "../recipes/option-text.ts";

const NDJSON = `read it with ${option("format", "ndjson")} if it has an object on each line`;
const ARRAY = `it is a JSON array: read it with ${option("format", "json")}`;

/**
 * Why text is not of a type, and which format reads it; undefined if it may be of the type.
 * @param start the first lines of the file
 */
export const whyNotOfText = (type: keyof typeof WHY_NOT, start: string): string | undefined => WHY_NOT[type](start);
const WHY_NOT = { csv: whyNotCsv, ndjson: whyNotNdjson, json: whyNotJson };

function whyNotCsv(text: string): string | undefined {
  if (/^\{\s*"/.test(text)) return `it is JSON: ${NDJSON}`;
  return /^\[\s*[[{]/.test(text) ? ARRAY : undefined;
}

function whyNotNdjson(text: string): string | undefined {
  const [first = "", second = ""] = text.split("\n").map((line) => line.trim());
  if (/^\[(?:$|\s*[[{\]])/.test(first)) return ARRAY;
  if (/^\{(?:.*[{[,])?$/.test(first) && text.includes("\n") && !second.startsWith("{"))
    return `it is JSON over several lines: ${AS_ARRAY}`;
  const isNoJson = (line: string) => !/^[[{]/.test(line) && /[,;\t]/.test(line) && !isJson(line);
  if (isNoJson(first) && (second === "" || isNoJson(second)))
    return `it is not JSON, and begins with ${shown(first)}: end its name in .csv if it is CSV`;
  return undefined;
}

const AS_ARRAY = `write its rows as an array (jq -s), and read it with ${option("format", "json")}`;

function whyNotJson(text: string): string | undefined {
  if (text === "" || text.startsWith("[")) return undefined;
  if (!text.startsWith("{"))
    return `it is no JSON array, and begins with ${shown(text.split("\n")[0] ?? "")}: rename it by its content, for example to end in .csv`;
  const [first = "", second = ""] = text.split("\n").map((line) => line.trim());
  if (isJson(first) && (second === "" || second.startsWith("{")))
    return `it has an object on each line: read it with ${option("format", "ndjson")}`;
  return "it is a JSON object, and rows are read from an array of objects: write only the array that has them (jq .NAME)";
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

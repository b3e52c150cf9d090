/** The codec of JSON. A value is one text: keys sorted, no blanks, each number in one form, so that equal values are equal texts. */
import { z } from "zod";
import { shown } from "../shown.ts";
import { type ColumnCodec, type CopyText, Fault, isBlank, type SqlValue, wrongType } from "./codec.ts";
import { jsonNumber } from "./json-number.ts";

/** MySQL's limit. MariaDB's own is 31: its CHECK refuses deeper values. */
const DEPTH_MAX = 100;
/** MySQL's limit. */
const KEY_BYTES_MAX = 65_535;

export const json: ColumnCodec = {
  fromJson(value) {
    if (typeof value === "string" && /^\s*[[{]/.test(value) && !(canonical(value) instanceof Fault))
      return new Fault("wrong_type", "is text that holds JSON: send the object or list itself");
    return caught(() => ofValue(value, 0));
  },
  fromCsv: read,
  mayBreak: () => true,
  // MariaDB's JSON is text, and the driver would parse MySQL's, which rounds its numbers.
  select: (column) => `CAST(${column} AS CHAR)`,
  fromSql(value) {
    const text = typeof value === "string" ? canonical(value) : caught(() => ofValue(value, 0));
    return text instanceof Fault ? String(value) : text;
  },
  toJson: (value) => parsed(String(value)),
  copyJson: copyAsJson,
  toCsv: String,
  schema: z.unknown().meta({ description: "any JSON but null" }),
  avro: {
    type: "string",
    growth: 6,
    write: (value) => value,
    // The JSON null and blank text are not refused here: a restore must accept what other programs have stored.
    read: (value) => (typeof value === "string" ? canonical(value) : wrongType("JSON as text", value)),
  },
};

/** Reads JSON text that comes in. */
function read(text: string): SqlValue | Fault {
  const value = canonical(text);
  if (value === "null") return new Fault("wrong_type", "must not be the JSON null: leave the cell empty for no value");
  return typeof value === "string" && value.startsWith('"') && isBlank(String(JSON.parse(value)))
    ? new Fault("wrong_type", "must not be blank text")
    : value;
}

/** The one form of JSON text. */
function canonical(text: string): string | Fault {
  return caught(() => {
    const reader = new JsonReader(text);
    const value = reader.value(0);
    reader.end();
    return value;
  });
}

/** The fault that was thrown: a value that breaks a rule may lie deep inside. */
function caught(make: () => string): string | Fault {
  try {
    return make();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** The one form of what JSON.parse has made. It has rounded numbers past 2^53. */
function ofValue(value: unknown, depth: number): string {
  if (depth > DEPTH_MAX) throw tooDeep;
  if (typeof value === "string") return textOf(value);
  if (typeof value === "number") {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value + 0);
    throw new Fault("out_of_range", `holds the number ${value}, and numbers past 2^53 are not exact in JSON: use text`);
  }
  if (Array.isArray(value)) return `[${value.map((each) => ofValue(each, depth + 1)).join(",")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  return objectOf(Object.entries(value).map(([key, each]) => [key, ofValue(each, depth + 1)]));
}

function objectOf(members: readonly (readonly [string, string])[]): string {
  const sorted = members.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, value]) => `${textOf(key, KEY_BYTES_MAX)}:${value}`).join(",")}}`;
}

function textOf(text: string, bytesMax = Number.POSITIVE_INFINITY): string {
  if (!text.isWellFormed()) throw new Fault("invalid_text", "holds characters that are not valid Unicode text");
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax)
    throw new Fault("too_long", `has a key of more than ${bytesMax} bytes`);
  return JSON.stringify(text);
}

const tooDeep = new Fault("too_long", `is nested deeper than ${DEPTH_MAX} levels`);

const BLANKS = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;

/** Reads JSON text (RFC 8259) into its one form. JSON.parse would round numbers, and drop keys that occur twice. */
class JsonReader {
  #at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): string {
    if (depth > DEPTH_MAX) throw tooDeep;
    this.#take(BLANKS);
    const first = this.text[this.#at];
    if (first === "{") return objectOf(this.#members(depth));
    if (first === "[") return `[${this.#items(depth).join(",")}]`;
    if (first === '"') return textOf(this.#string());
    const word = this.#take(WORD);
    return word || jsonNumber(this.#take(NUMBER) || this.#fail());
  }

  end(): void {
    this.#take(BLANKS);
    if (this.#at < this.text.length) this.#fail();
  }

  #members(depth: number): [string, string][] {
    const members = new Map<string, string>();
    this.#at++;
    if (this.#skips("}")) return [];
    do {
      this.#take(BLANKS);
      const key = this.#string();
      if (members.has(key)) throw new Fault("wrong_type", `has the key ${shown(key)} twice in one object`);
      if (!this.#skips(":")) this.#fail();
      members.set(key, this.value(depth + 1));
    } while (this.#skips(","));
    if (!this.#skips("}")) this.#fail();
    return [...members];
  }

  #items(depth: number): string[] {
    const items: string[] = [];
    this.#at++;
    if (this.#skips("]")) return items;
    do items.push(this.value(depth + 1));
    while (this.#skips(","));
    if (!this.#skips("]")) this.#fail();
    return items;
  }

  #string(): string {
    const quoted = this.#quoted();
    return quoted.includes("\\") ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  }

  /** A string with its quotes. */
  #quoted(): string {
    if (this.text[this.#at] !== '"') this.#fail();
    let end = this.#at + 1;
    for (; this.text.charCodeAt(end) !== QUOTE; end++) {
      if (!(this.text.charCodeAt(end) >= BLANK)) this.#fail();
      if (this.text.charCodeAt(end) === BACKSLASH) end++;
    }
    const quoted = this.text.slice(this.#at, end + 1);
    if (quoted.includes("\\") && !isJson(quoted)) this.#fail();
    this.#at = end + 1;
    return quoted;
  }

  #skips(sign: string): boolean {
    this.#take(BLANKS);
    if (this.text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ""] = pattern.exec(this.text) ?? [];
    this.#at += found.length;
    return found;
  }

  #fail(): never {
    throw wrongType("JSON", this.text.slice(this.#at) || this.text);
  }
}

const [BLANK, QUOTE, BACKSLASH] = [32, 34, 92] as const;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The value of stored text, with every digit of its numbers. Text that is not JSON, which another program stored, is a string. */
function parsed(text: string): unknown {
  if (!isJson(text)) return text;
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && context?.source !== undefined
      ? rawJson(context.source)
      : value,
  );
}

/** https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/JSON/rawJSON, which TypeScript does not know. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** Writes the server's text in its one form. */
function copyAsJson(...[text, start, end, out, position]: Parameters<CopyText>): number {
  const stored = text.toString("utf8", start, end);
  const value = canonical(stored);
  const written = value instanceof Fault ? (isJson(stored) ? stored : JSON.stringify(stored)) : value;
  return position + out.write(written, position);
}

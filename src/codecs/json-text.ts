/** Parses JSON text, and keeps what JSON.parse forgets: keys that occur twice in one object, and how a value was written. */
import { MusterError } from "../errors.ts";
import { JSON_DEPTH_MAX, JSON_KEYS_MAX, JSON_VALUES_MAX } from "../limits.ts";
import { cut, escaped } from "../shown.ts";
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endOfString,
  JsonScanner,
  OPEN_LIST,
  OPEN_OBJECT,
  type Path,
  QUOTE,
  type Repeated,
} from "./json-scanner.ts";

export class JsonText {
  #value: unknown;
  readonly #text: string;
  #scanner: JsonScanner | undefined;

  /**
   * @param name what the text is called in an error
   * @throws MusterError `invalid` if the text is not JSON, or nested deeper than JSON_DEPTH_MAX; `too_large` if an object
   * has more than JSON_KEYS_MAX keys, or the text more than JSON_VALUES_MAX values
   */
  constructor(text: string, name = "the body") {
    this.#text = text;
    // The limits are checked before JSON.parse, which would take seconds and gigabytes for text over them.
    const colons = countColons(text, name);
    try {
      this.#value = JSON.parse(text);
    } catch (error) {
      const why = (error as Error).message.replace("JSON Parse error: ", "");
      throw new MusterError("invalid", `${name} is not JSON: ${escaped(cut(why))}`);
    }
    // If JSON.parse dropped a repeated key, the value has fewer members than the text has colons. Only then scan the text.
    if (colons !== countMembers(this.#value)) this.#scanner = new JsonScanner(text);
  }

  get value(): unknown {
    return this.#value;
  }

  /**
   * Returns the value and drops it here, so that its objects do not live as long as the rows, which keep this text. `value` is
   * undefined afterwards.
   */
  takeValue(): unknown {
    const value = this.#value;
    this.#value = undefined;
    return value;
  }

  /** False if no object has a key twice. It can be true without a repeated key, because source() scans the text too. */
  get mayRepeat(): boolean {
    return this.#scanner !== undefined;
  }

  /** The keys that occur more than once in the object at a path. JSON.parse kept the last value of each. */
  repeatedIn(path: Path): readonly string[] {
    return this.#scanner?.at(path)?.repeated ?? [];
  }

  /** The objects, at any depth, that have a key more than once. */
  get repeated(): readonly Repeated[] {
    return this.#scanner?.repeated ?? [];
  }

  /** The text of the value at a path of at most three steps, as it was written. */
  source(path: Path): string {
    this.#scanner ??= new JsonScanner(this.#text);
    const { start, end } = this.#scanner.at(path) ?? { start: 0, end: 0 };
    return this.#text.slice(start, end);
  }
}

/**
 * Checks the limits in one pass over the characters outside of strings.
 * @returns the number of colons: one for each member of an object
 */
function countColons(text: string, name: string): number {
  let colons = 0;
  let values = 1;
  let depth = 0;
  /** For each depth, how many keys the object that is open there has so far. */
  const keys = [0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === COLON) {
      colons++;
      const count = (keys[depth] ?? 0) + 1;
      if (count > JSON_KEYS_MAX) throw tooMany(name, `an object with more than ${JSON_KEYS_MAX} keys`);
      keys[depth] = count;
    } else if (code === COMMA) {
      values++;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      depth++;
      values++;
      if (depth > JSON_DEPTH_MAX) {
        throw new MusterError("invalid", `${name} is nested deeper than ${JSON_DEPTH_MAX} levels`);
      }
      keys[depth] = 0;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (depth === 0) break; // not JSON
      depth--;
    }
  }
  if (values > JSON_VALUES_MAX) throw tooMany(name, `more than ${JSON_VALUES_MAX} values`);
  return colons;
}

const tooMany = (name: string, what: string) => new MusterError("too_large", `${name} has ${what}: send fewer at once`);

/** Counts the members of all objects. Every row of every body passes here, and Object.values() would take six times as long. */
function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) count += countMembers(value[index]);
    return count;
  }
  for (const key in value) count += 1 + countMembers((value as Record<string, unknown>)[key]);
  return count;
}

/** A JSON text that still knows what JSON.parse forgets: keys that stand twice in one object, and how a value was written. */

import { MusterError } from "../errors.ts";
import { JSON_DEPTH_MAX, JSON_KEYS_MAX, JSON_VALUES_MAX } from "../limits.ts";

type Path = readonly (string | number)[];

/** Values this far from the root can be asked for as text: a table's name, its list, a row. */
const SOURCE_DEPTH_MAX = 3;
/** Repeated keys that are named of one object. */
const REPEATED_MAX = 10;

export class JsonText {
  readonly value: unknown;
  readonly #text: string;
  #scan: Scanner | undefined;

  /**
   * @param name what it is, for an error
   * @throws MusterError `invalid` for text that is not JSON, or nested deeper than JSON_DEPTH_MAX; `too_large` if an object
   * has more than JSON_KEYS_MAX keys, or the text more than JSON_VALUES_MAX values
   */
  constructor(text: string, name = "the body") {
    this.#text = text;
    // First, since what it refuses would take JSON.parse seconds and gigabytes.
    const colons = countColons(text, name);
    try {
      this.value = JSON.parse(text);
    } catch {
      throw new MusterError("invalid", `${name} is not JSON`);
    }
    // If the text has as many members as the value, no key was dropped, and the slow way is saved.
    if (colons !== countMembers(this.value)) this.#scan = new Scanner(text);
  }

  /** Whether any object may have a key twice: where not, none has. */
  get mayRepeat(): boolean {
    return this.#scan !== undefined;
  }

  /** The keys of the object at a path that stand in it more than once: JSON.parse kept the last of each. */
  repeatedIn(path: Path): readonly string[] {
    return this.#scan?.at(path)?.repeated ?? [];
  }

  /** The objects that have keys more than once, at any depth. */
  get repeated(): readonly Repeated[] {
    return this.#scan?.repeated ?? [];
  }

  /** The value at a path of at most three steps, as it was written. */
  source(path: Path): string {
    this.#scan ??= new Scanner(this.#text);
    const { start, end } = this.#scan.at(path) ?? { start: 0, end: 0 };
    return this.#text.slice(start, end);
  }
}

/**
 * Checks the limits in one pass over the characters that stand outside of strings.
 * @returns the number of colons: one for each member of an object
 */
function countColons(text: string, name: string): number {
  let colons = 0;
  let values = 1;
  let depth = 0;
  /** By depth, the colons of the object or list that is open there. */
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

/** By its keys and indexes, not by Object.values(), which takes six times as long: every row of every body passes here. */
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

const [QUOTE, COMMA, COLON, BACKSLASH] = [34, 44, 58, 92] as const;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125] as const;

/** The index of the quote that closes the string which opens at `at`; the text's length if none does. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

/** An object that has keys more than once. */
export interface Repeated {
  path: Path;
  keys: readonly string[];
}

/** Where a value begins and ends in the text. */
interface Span {
  start: number;
  end: number;
  /** Of an object the keys that stand in it more than once. */
  repeated?: readonly string[];
  /** By key or index the values in it, if they are near the root. */
  within?: Map<string | number, Span>;
}

/**
 * Walks a text that is known to be JSON within the limits. No text is made of a path: a key may have millions of
 * characters, and stand above thousands of values.
 */
class Scanner {
  readonly repeated: Repeated[] = [];
  readonly #root: Span;
  #at = 0;
  /** Of the value that is walked. */
  readonly #path: (string | number)[] = [];

  constructor(private readonly text: string) {
    this.#root = this.#value();
  }

  /** The value at a path, undefined if there is none near the root. */
  at(path: Path): Span | undefined {
    let span: Span | undefined = this.#root;
    for (const step of path) span = span?.within?.get(step);
    return span;
  }

  #value(): Span {
    const opening = this.#next();
    const span: Span = { start: this.#at, end: this.#at };
    if (opening === OPEN_OBJECT) this.#members(span);
    else if (opening === OPEN_LIST) this.#elements(span);
    else if (opening === QUOTE) this.#at = endOfString(this.text, this.#at) + 1;
    else this.#literal();
    span.end = this.#at;
    return span;
  }

  /** Walks the value at a key or an index of another one. */
  #inner(outer: Span, step: string | number): void {
    this.#path.push(step);
    const span = this.#value();
    if (this.#path.length <= SOURCE_DEPTH_MAX) {
      outer.within ??= new Map();
      outer.within.set(step, span);
    }
    this.#path.pop();
  }

  #members(object: Span): void {
    const seen = new Set<string>();
    const twice = new Set<string>();
    this.#at++;
    while (this.#next() !== CLOSE_OBJECT) {
      const end = endOfString(this.text, this.#at);
      const quoted = this.text.slice(this.#at, end + 1);
      const key = quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
      if (seen.has(key) && twice.size < REPEATED_MAX) twice.add(key);
      seen.add(key);
      this.#at = end + 1;
      this.#skip(COLON);
      this.#inner(object, key);
      this.#skip(COMMA);
    }
    this.#at++;
    if (twice.size === 0) return;
    object.repeated = [...twice];
    this.repeated.push({ path: [...this.#path], keys: object.repeated });
  }

  #elements(list: Span): void {
    this.#at++;
    for (let index = 0; this.#next() !== CLOSE_LIST; index++) {
      this.#inner(list, index);
      this.#skip(COMMA);
    }
    this.#at++;
  }

  /** A number, true, false or null. */
  #literal(): void {
    for (; this.#at < this.text.length; this.#at++) {
      const code = this.text.charCodeAt(this.#at);
      if (code <= BLANK || code === COMMA || code === CLOSE_LIST || code === CLOSE_OBJECT) return;
    }
  }

  #skip(code: number): void {
    if (this.#next() === code) this.#at++;
  }

  /** The code of the next character that is not white space; NaN at the end. */
  #next(): number {
    // JSON's four kinds of white space are the only characters up to the blank that stand outside of its strings.
    while (this.text.charCodeAt(this.#at) <= BLANK) this.#at++;
    return this.text.charCodeAt(this.#at);
  }
}

const BLANK = 32;

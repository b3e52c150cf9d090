/** A JSON text that still knows what JSON.parse forgets: keys that stand twice in one object, and how a value was written. */
import { MusterError } from "../errors.ts";
import { pointerTo } from "./pointer.ts";

type Path = readonly (string | number)[];

/** Rows are flat; whatever is nested as deep as this is no row, and would exhaust the stack. */
const DEPTH_MAX = 64;
/** Values this far from the root can be asked for as text: a table's name, its list, a row. */
const SOURCE_DEPTH_MAX = 3;
/** Repeated keys that are named of one object. */
const REPEATED_MAX = 50;

export class JsonText {
  readonly value: unknown;
  readonly #text: string;
  #scan: Scan | undefined;

  /**
   * @param name what it is, for an error
   * @throws MusterError `invalid` for text that is not JSON, or nested too deep
   */
  constructor(
    text: string,
    private readonly name = "the body",
  ) {
    this.#text = text;
    try {
      this.value = JSON.parse(text);
    } catch {
      throw new MusterError("invalid", `${name} is not JSON`);
    }
    // Where the text has as many members as the value, no key was dropped, and the slow way is saved.
    if (countColons(text) !== countMembers(this.value, 0, name)) this.#scan = scan(text, name);
  }

  /** Whether any object may have a key twice: where not, none has. */
  get mayRepeat(): boolean {
    return this.#scan !== undefined;
  }

  /** The keys of the object at a path that stand in it more than once: JSON.parse kept the last of each. */
  repeatedIn(path: Path): readonly string[] {
    return this.#scan?.repeated.get(pointerTo(path)) ?? [];
  }

  /** By the pointer of an object, its keys that stand in it more than once. */
  get repeated(): ReadonlyMap<string, readonly string[]> {
    return this.#scan?.repeated ?? new Map();
  }

  /** The value at a path of at most three steps, as it was written. */
  source(path: Path): string {
    this.#scan ??= scan(this.#text, this.name);
    const [start, end] = this.#scan.spans.get(pointerTo(path)) ?? [0, 0];
    return this.#text.slice(start, end);
  }
}

/** Colons outside of strings: one for each member. */
function countColons(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COLON) count++;
    else if (code === QUOTE) at = endOfString(text, at);
  }
  return count;
}

/** By its keys and indexes, not by Object.values(), which takes six times as long: every row of every body passes here. */
function countMembers(value: unknown, depth: number, name: string): number {
  if (typeof value !== "object" || value === null) return 0;
  if (depth > DEPTH_MAX) throw tooDeep(name);
  let count = 0;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) count += countMembers(value[index], depth + 1, name);
    return count;
  }
  for (const key in value) count += 1 + countMembers((value as Record<string, unknown>)[key], depth + 1, name);
  return count;
}

const tooDeep = (name: string) => new MusterError("invalid", `${name} is nested deeper than ${DEPTH_MAX} levels`);

const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;

/** The index of the quote that closes the string which opens at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

interface Scan {
  /** By the pointer of an object, its keys that stand twice. */
  repeated: Map<string, string[]>;
  /** By the pointer of a value near the root, where it begins and ends. */
  spans: Map<string, [number, number]>;
}

function scan(text: string, name: string): Scan {
  const scanner = new Scanner(text, name);
  scanner.value([]);
  return scanner;
}

class Scanner implements Scan {
  readonly repeated = new Map<string, string[]>();
  readonly spans = new Map<string, [number, number]>();
  #at = 0;

  /** @param text valid JSON */
  constructor(
    private readonly text: string,
    private readonly name: string,
  ) {}

  value(path: Path): void {
    // A value that JSON.parse has dropped, for its key stands twice, was not counted and may be as deep as it likes.
    if (path.length > DEPTH_MAX) throw tooDeep(this.name);
    const opening = this.#next();
    const start = this.#at;
    if (opening === "{") this.#members(path);
    else if (opening === "[") this.#elements(path);
    else if (opening === '"') this.#at = endOfString(this.text, this.#at) + 1;
    else while (this.#at < this.text.length && !/[\s,\]}]/.test(this.text.charAt(this.#at))) this.#at++;
    if (path.length <= SOURCE_DEPTH_MAX) this.spans.set(pointerTo(path), [start, this.#at]);
  }

  #members(path: Path): void {
    const seen = new Set<string>();
    const twice = new Set<string>();
    this.#at++;
    while (this.#next() !== "}") {
      const end = endOfString(this.text, this.#at);
      const key = JSON.parse(this.text.slice(this.#at, end + 1)) as string;
      if (seen.has(key) && twice.size < REPEATED_MAX) twice.add(key);
      seen.add(key);
      this.#at = end + 1;
      this.#skip(":");
      this.value([...path, key]);
      this.#skip(",");
    }
    this.#at++;
    if (twice.size > 0) this.repeated.set(pointerTo(path), [...twice]);
  }

  #elements(path: Path): void {
    this.#at++;
    for (let index = 0; this.#next() !== "]"; index++) {
      this.value([...path, index]);
      this.#skip(",");
    }
    this.#at++;
  }

  #skip(character: string): void {
    if (this.#next() === character) this.#at++;
  }

  /** The next character that is not white space. */
  #next(): string {
    while (/\s/.test(this.text.charAt(this.#at))) this.#at++;
    return this.text.charAt(this.#at);
  }
}

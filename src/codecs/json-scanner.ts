/** Scans JSON text. Finds where its values begin and end, and the keys that occur more than once in one object. */

export type Path = readonly (string | number)[];

/** Values at most this many steps from the root can be looked up. The longest path in use is `rows`, an index, `row`. */
const DEPTH_MAX = 3;
/** How many repeated keys of one object are named. */
const REPEATED_MAX = 10;

export const [QUOTE, COMMA, COLON] = [34, 44, 58] as const;
export const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125] as const;
const [BLANK, BACKSLASH] = [32, 92];

/** An object that has keys more than once. */
export interface Repeated {
  path: Path;
  keys: readonly string[];
}

/** Where a value begins and ends in the text. */
interface Span {
  start: number;
  end: number;
  /** If it is an object: its keys that occur more than once. */
  repeated?: readonly string[];
  /** The values inside it by key or index, down to DEPTH_MAX. */
  within?: Map<string | number, Span>;
}

/**
 * Scans text that is known to be JSON within the limits. Paths stay arrays. If they were joined into text, a key of millions of
 * characters would be copied for each of the thousands of values below it.
 */
export class JsonScanner {
  readonly repeated: Repeated[] = [];
  readonly #root: Span;
  #at = 0;
  /** The path of the value that is being scanned. */
  readonly #path: (string | number)[] = [];

  constructor(private readonly text: string) {
    this.#root = this.#value();
  }

  /** The value at a path; undefined if there is none, or it is too far from the root. */
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

  /** Scans the value at a key or an index of another one. */
  #inner(outer: Span, step: string | number): void {
    this.#path.push(step);
    const span = this.#value();
    if (this.#path.length <= DEPTH_MAX) {
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
    // Outside of strings, every character of JSON with a code up to the blank's is white space.
    while (this.text.charCodeAt(this.#at) <= BLANK) this.#at++;
    return this.text.charCodeAt(this.#at);
  }
}

/** The index of the quote that closes the string which opens at `at`; the text's length if it is not closed. */
export function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

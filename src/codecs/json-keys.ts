/** Keys that stand twice in one JSON object: JSON.parse keeps the last and drops the others without a word. */
import { pointerTo } from "./pointer.ts";

/**
 * The JSON Pointers (RFC 6901) of the members that repeat a key of their object.
 * @param text valid JSON
 * @param value what JSON.parse made of it: where it has as many members as the text, nothing is repeated
 */
export function repeatedKeys(text: string, value: unknown): string[] {
  if (countColons(text) === countMembers(value)) return [];
  const repeated: string[] = [];
  new Scanner(text, repeated).value([]);
  return repeated;
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

function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value);
  let count = Array.isArray(value) ? 0 : inner.length;
  for (const each of inner) count += countMembers(each);
  return count;
}

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

class Scanner {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly repeated: string[],
  ) {}

  value(path: (string | number)[]): void {
    const opening = this.next();
    if (opening === "{") this.members(path);
    else if (opening === "[") this.elements(path);
    else if (opening === '"') this.at = endOfString(this.text, this.at) + 1;
    else while (this.at < this.text.length && !/[\s,\]}]/.test(this.text.charAt(this.at))) this.at++;
  }

  private members(path: (string | number)[]): void {
    const seen = new Set<string>();
    this.at++;
    while (this.next() !== "}") {
      const end = endOfString(this.text, this.at);
      const key = JSON.parse(this.text.slice(this.at, end + 1)) as string;
      if (seen.has(key)) this.repeated.push(pointerTo([...path, key]));
      seen.add(key);
      this.at = end + 1;
      this.skip(":");
      this.value([...path, key]);
      this.skip(",");
    }
    this.at++;
  }

  private elements(path: (string | number)[]): void {
    this.at++;
    for (let index = 0; this.next() !== "]"; index++) {
      this.value([...path, index]);
      this.skip(",");
    }
    this.at++;
  }

  private skip(character: string): void {
    if (this.next() === character) this.at++;
  }

  /** The next character that is not white space. */
  private next(): string {
    while (/\s/.test(this.text.charAt(this.at))) this.at++;
    return this.text.charAt(this.at);
  }
}

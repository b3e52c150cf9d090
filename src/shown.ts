/** Makes text from outside safe to show in a message: it cannot break the line, hide, or move a terminal's cursor. */

const SHOWN_CHARACTERS_MAX = 60;

/**
 * A value as a message shows it. Text is in quotes, escaped and cut. An array or an object is shown only by that word. Any
 * other value is shown in full.
 */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${escaped(cut(value))}"`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** The first 60 characters of a text, with "..." if it is longer. */
export function cut(text: string): string {
  if (text.length <= SHOWN_CHARACTERS_MAX) return text;
  const isSplit = (text.codePointAt(SHOWN_CHARACTERS_MAX - 1) ?? 0) > 0xffff; // inside a surrogate pair
  return `${text.slice(0, isSplit ? SHOWN_CHARACTERS_MAX - 1 : SHOWN_CHARACTERS_MAX)}...`;
}

/** A message names at most this many items of a list. */
export const NAMED_MAX = 10;

/** The first NAMED_MAX items of a list, with ", ..." if there are more. */
export const firstOf = (list: readonly unknown[]): string =>
  list.slice(0, NAMED_MAX).join(", ") + (list.length > NAMED_MAX ? ", ..." : "");

/** The text with its control and invisible characters written as `\r`, `\0` or `\u{FEFF}`. A space stays a space. */
export function escaped(text: string): string {
  return text.replace(UNSEEN, (character) => SHORT[character] ?? `\\u{${hex(character)}}`);
}

/** Control and format characters, lone surrogates, line and paragraph separators, all spaces except U+0020, Hangul fillers. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]|(?! )\p{Zs}/gu;
const SHORT: Record<string, string> = { "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

const hex = (character: string) => (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0");

import { expect, test } from "bun:test";
import { escaped, shown } from "../src/shown.ts";

test.each([
  ["Baker\r", '"Baker\\r"'],
  ["a\0b\tc\nd", '"a\\0b\\tc\\nd"'],
  ["\uFEFFid", '"\\u{FEFF}id"'],
  ["a\u200Bb\u00A0c\u202Ed\u2028e\u0085f", '"a\\u{200B}b\\u{A0}c\\u{202E}d\\u{2028}e\\u{85}f"'],
  ["\u001B[2J\u001A", '"\\u{1B}[2J\\u{1A}"'],
  ["\uD800", '"\\u{D800}"'],
  ["né 😀 C:\\temp", '"né 😀 C:\\temp"'],
])("%j is shown with its invisible characters escaped", (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test("a long text is cut at 60 characters, never in the middle of one", () => {
  expect(shown("x".repeat(60))).toBe(`"${"x".repeat(60)}"`);
  expect(shown("x".repeat(61))).toBe(`"${"x".repeat(60)}..."`);
  expect(shown(`${"x".repeat(59)}😀`)).toBe(`"${"x".repeat(59)}..."`);
});

test("a value that is no text is shown by its type, and a name without quotes", () => {
  expect([12, true, null, [1], { a: 1 }].map(shown)).toEqual(["12", "true", "null", "an array", "an object"]);
  expect(escaped("a\nb.csv")).toBe("a\\nb.csv");
});

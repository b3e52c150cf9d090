/** How a message names the options that read a file. */
import { expect, test } from "bun:test";
import { option, options } from "../src/read/recipes/option-text.ts";

test.each([
  [option("delimiter", ";"), "--delimiter ';' (HTTP: delimiter=;)"],
  [option("delimiter", "\t"), "--delimiter tab (HTTP: delimiter=tab)"],
  [option("comment", "#"), "--comment '#' (HTTP: comment=%23)"],
  [option("trailingColumn"), "--trailing-column (HTTP: trailing_column=true)"],
  [option("skip", 1), "--skip 1 (HTTP: skip=1)"],
  [option("columns", "Nombre=name,Id=id"), "--columns Nombre=name,Id=id (HTTP: columns=Nombre=name,Id=id)"],
  [option("ignore", "O'Neil & Co"), "--ignore 'O'\\''Neil & Co' (HTTP: ignore=O'Neil%20%26%20Co)"],
  [options({ dialect: "excel", skip: 2 }), "--dialect excel --skip 2 (HTTP: dialect=excel&skip=2)"],
])("%s can be typed", (text, expected) => {
  expect(text).toBe(expected);
});

test("a value that a terminal would not show is left open", () => {
  expect(option("ignore", "a\u001B[2J")).toBe("--ignore ... (HTTP: ignore=...)");
  expect(option("ignore", "x".repeat(10_000))).toBe("--ignore ... (HTTP: ignore=...)");
});

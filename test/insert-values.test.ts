/** Muster writes the values of an INSERT into the statement itself. Their text must be what the driver would write. */
import { expect, test } from "bun:test";
import { escape as escapedByDriver } from "mysql2";
import { literal } from "../src/repositories/inserts.ts";

test("no character of a text can end the text early or change it on its way into the database", () => {
  const texts = Array.from({ length: 0x1_0000 }, (_, code) => `a${String.fromCharCode(code)}b`);
  const others = texts.filter((text) => literal(text, undefined) !== escapedByDriver(text));
  expect(others).toEqual([]);
});

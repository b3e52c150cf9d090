/** How --columns is written. */
import { expect, test } from "bun:test";
import { MusterError } from "../src/errors.ts";
import { recipeOfOptions } from "../src/read/recipes/recipe-options.ts";

const read = (columns: string) =>
  recipeOfOptions({ columns }, "-", (faults) => new MusterError("invalid", faults.map(({ detail }) => detail).join()));

test.each<[string, object]>([
  ["Nr=id, Puesto = job", { Nr: "id", Puesto: "job" }],
  ["a=b=id", { "a=b": "id" }],
  ["id,-,job", ["id", null, "job"]],
])("%s is a list", (text, columns) => {
  expect(read(text)?.columns).toEqual(columns as never);
});

test.each(["a=id,a=job", "=id", "a=", "id,,job", "Nr=id,job", ""])(
  "%j is none, and the message shows both forms",
  (text) => {
    expect(() => read(text)).toThrow("each name once (Id=id,Name=name), or columns by position (id,-,name)");
  },
);

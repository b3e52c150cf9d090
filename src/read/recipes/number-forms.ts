/** Reads numbers as a recipe writes them (docs/recipes.md "Numbers"), and gives codecs the form that they read. */
import { Fault } from "../../codecs/codec.ts";
import { shown } from "../../shown.ts";
import type { FileRecipe } from "./recipe.ts";

type Parts = Pick<FileRecipe, "decimal" | "group" | "wholeDecimals">;

/** The characters that are written for a group separator: a blank may be one that does not break, an apostrophe a curved one. */
const GROUPS = { ",": ",", ".": "\\.", " ": "[ \\u00A0\\u202F]", "'": "['\\u2019]", _: "_" } as const;

/** A longer number is refused, because to rewrite the groups of a mebibyte takes half a second. No column keeps as many digits. */
const NUMBER_LENGTH_MAX = 10_000;

/** Rewrites the text of a number: digits without groups, and a point before the decimals. */
export type NumberForm = (text: string) => string | Fault;

/**
 * @param isWhole whether the column keeps whole numbers
 * @returns undefined if the recipe says nothing about numbers
 */
export function numberForm(
  { decimal = ".", group, wholeDecimals = false }: Parts,
  isWhole: boolean,
): NumberForm | undefined {
  if (decimal === "." && group === undefined && !wholeDecimals) return undefined;
  const grouped = group === undefined ? "" : `\\d{1,3}(?:${GROUPS[group]}\\d{3})+|`;
  const form = new RegExp(
    `^(-?)(${grouped}\\d+)(?:${decimal === "." ? "\\." : ","}(\\d+))?${isWhole ? "" : "([eE][+-]?\\d+)?"}$`,
  );
  const example = `1${group ?? ""}234${isWhole && !wholeDecimals ? "" : `${decimal}${wholeDecimals && isWhole ? "0" : "5"}`}`;
  const wanted = `must be a ${isWhole ? "whole " : ""}number like ${example}, as the recipe says`;
  return (text) => {
    const fitting = text.length > NUMBER_LENGTH_MAX ? undefined : form.exec(text);
    const [found, minus, digits = "", decimals, exponent = ""] = fitting ?? [];
    if (found === undefined) return new Fault("wrong_type", `${wanted}, not ${shown(text)}`);
    const whole = `${minus}${digits.replace(/\D/g, "")}`;
    if (decimals === undefined) return whole + exponent;
    if (!isWhole) return `${whole}.${decimals}${exponent}`;
    if (wholeDecimals && !/[1-9]/.test(decimals)) return whole;
    return new Fault("wrong_type", `must be a whole number, not ${shown(text)}`);
  };
}

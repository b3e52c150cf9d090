/** Finds how dates are written. Neither the order of day and month nor the zone is ever guessed. */
import { Fault } from "../../codecs/codec.ts";
import { firstOf, shown } from "../../shown.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import type { ColumnCells } from "./detect-values.ts";
import { type Finding, said, share } from "./detection.ts";

/** A day, and perhaps a time of the day and a zone. */
const DATE =
  /^(?<first>\d{1,4})(?<mark>[/.-])(?<second>\d{1,2}|[A-Za-z]{3,9})\k<mark>(?<third>\d{1,4})(?:(?<gap>T| )(?<hour>\d{1,2}):\d{2}(?:(?<seconds>:\d{2})(?:(?<point>[.,])(?<fraction>\d{1,9}))?)?(?<half> ?[AaPp][Mm])?)?(?<zone> ?(?:[Zz]|[+-]\d{2}(?::?\d{2})?))?$/;

const NO_ZONE = "the file does not say the zone: give --zone";
/** If dates are written in more ways than this, no formats are proposed. */
const FORMATS_MAX = 3;

/** @param all columns of dates, with their cells that have a value */
export function detectDates(all: readonly ColumnCells[], { datetime = {} }: FileRecipe): Finding[] {
  const findings: Finding[] = [];
  if (datetime.formats) findings.push(said("dates", datetime.formats.join(" | ")));
  if (datetime.zone) findings.push(said("zone", datetime.zone));
  const cells = all.flatMap(({ column, cells: each }) => each.map((cell) => ({ column, cell })));
  const refused = cells.filter(({ column, cell }) => column.codec.fromCsv(cell) instanceof Fault);
  if (refused.length === 0) return findings;
  const texts = refused.map(({ cell }) => cell);
  const example = `${refused[0]?.column.name ?? ""} has ${firstOf([...new Set(texts)].slice(0, 3).map((text) => shown(text)))}`;
  const dates = partsOf(texts);
  if (dates.length === 0) return datetime.formats ? findings : [...findings, withoutForm(texts, example)];
  if (!datetime.formats) findings.push(...formatsOf(dates, texts.length, example));
  const without = dates.filter(({ zone }) => zone === undefined).length;
  if (without > 0 && !datetime.zone)
    findings.push({
      ...{ part: "zone", is: "unknown", evidence: `${share(without, dates.length, "date")} without a zone` },
      doubt: NO_ZONE,
    });
  return findings;
}

/** The formats by which texts can be read, or several lists of formats to choose from. Empty if none is known. */
export function formatsFor(texts: readonly string[]): readonly (readonly string[])[] {
  const dates = partsOf(texts);
  const [found] = dates.length === 0 ? [withoutForm(texts, "")] : formatsOf(dates, texts.length, "");
  const recipes = found?.choices ?? [found?.recipe];
  return recipes.flatMap((recipe) => (recipe?.datetime?.formats ? [recipe.datetime.formats] : []));
}

const partsOf = (texts: readonly string[]): DateParts[] =>
  texts.flatMap((text) => {
    const parts = DATE.exec(text)?.groups;
    return parts ? [parts as unknown as DateParts] : [];
  });

interface DateParts {
  first: string;
  mark: string;
  second: string;
  third: string;
  gap?: string;
  hour?: string;
  seconds?: string;
  point?: string;
  fraction?: string;
  half?: string;
  zone?: string;
}

/** Dates that are numbers since 1970, or nothing that is known. */
function withoutForm(texts: readonly string[], example: string): Finding {
  const part = "dates";
  for (const [format, digits, unit] of [
    ["epoch", 10, "seconds"],
    ["epochMillis", 13, "milliseconds"],
  ] as const) {
    if (!texts.every((text) => /^\d+$/.test(text) && text.length === digits)) continue;
    const evidence = `${example}: ${digits} digits, as ${unit} since 1970 have today`;
    return { part, is: format, evidence, recipe: { datetime: { formats: [format] } } };
  }
  const doubt = "no format is known for them: give --datetime with their pattern";
  return { part, is: "unknown", evidence: example, doubt };
}

/** The order of the day and the month, if neither a name nor a first number of four digits shows it. */
type Order = "day first" | "month first";

function formatsOf(dates: readonly DateParts[], of: number, example: string): Finding[] {
  const part = "dates";
  const unknown = (doubt: string, choices?: FileRecipe[]): Finding[] => [
    { part, is: "unknown", evidence: example, doubt, ...(choices && { choices }) },
  ];
  // The strict default reads years first, so only the zone is missing.
  if (dates.every(isStrict)) return [];
  if (dates.some(({ first, third }) => first.length < 4 && third.length < 4))
    return unknown("a year of two digits does not say its century: correct the dates, or they are rejected");
  const open = dates.filter(({ first, second }) => first.length < 3 && /^\d/.test(second));
  const firsts = open.some(({ first }) => Number(first) > 12);
  const seconds = open.some(({ second }) => Number(second) > 12);
  if (firsts && seconds)
    return unknown("in some the first number is over 12, and in some the second: correct those in the other order");
  const formats = (order: Order) => patternsOf(dates, order);
  if (formats("day first").length > FORMATS_MAX)
    return unknown(`they are written in ${formats("day first").length} ways: give --datetime with the pattern of each`);
  if (open.length > 0 && !firsts && !seconds) {
    const ways = [formats("day first"), formats("month first")];
    const doubt = `no number is over 12, so the day or the month may come first: ${ways.map((way) => way.join(" | ")).join(", or ")}`;
    return unknown(
      doubt,
      ways.map((way) => ({ datetime: { formats: way } })),
    );
  }
  const found = formats(seconds ? "month first" : "day first");
  const over = firsts
    ? ", and in some the first number is over 12"
    : seconds
      ? ", and in some the second is over 12"
      : "";
  const rest = of > dates.length ? `, and ${of - dates.length} of ${of} are written in another way` : "";
  return [{ part, is: found.join(" | "), evidence: example + over + rest, recipe: { datetime: { formats: found } } }];
}

/** Whether only the zone is missing, or nothing. */
const isStrict = ({ first, mark, second, gap, hour = "", point, half }: DateParts) =>
  first.length === 4 && mark === "-" && second.length === 2 && hour.length === 2 && gap && point !== "," && !half;

/** The patterns of dates. One with single letters reads what one with double letters reads, too. */
function patternsOf(dates: readonly DateParts[], order: Order): string[] {
  const patterns = new Map<string, Set<string>>();
  for (const date of dates) {
    const pattern = patternOf(date, order);
    const loose = pattern.replace(/dd|(?<!M)MM(?!M)|HH|hh/g, ([letter = ""]) => letter);
    patterns.set(loose, (patterns.get(loose) ?? new Set()).add(pattern));
  }
  return [...patterns].map(([loose, [pattern = loose, another]]) => (another === undefined ? pattern : loose));
}

/** The pattern by Unicode's UTS #35. A letter stands once if the file leaves zeros in front out. */
function patternOf(
  { first, mark, second, third, gap, hour, seconds, point, fraction, half, zone }: DateParts,
  order: Order,
): string {
  // One number without a zero in front shows that the others have none either.
  const isShort = [first, second, third, hour].some((digits) => digits?.length === 1);
  const letters = (letter: string) => (isShort ? letter : letter.repeat(2));
  const month = /^\d/.test(second) ? letters("M") : second.length === 3 ? "MMM" : "MMMM";
  let day = [letters("d"), month, "yyyy"];
  if (first.length === 4) day = ["yyyy", month, letters("d")];
  else if (order === "month first" && /^\d/.test(second)) day = [letters("M"), letters("d"), "yyyy"];
  let time = "";
  if (hour !== undefined) {
    const decimals = fraction === undefined ? "" : `${point}${"S".repeat(fraction.length)}`;
    const hours = letters(half === undefined ? "H" : "h");
    time = `${gap === "T" ? "'T'" : " "}${hours}:mm${seconds === undefined ? "" : ":ss"}${decimals}${ending(half, "a")}`;
  }
  return day.join(mark) + time + ending(zone, "XXX");
}

/** A part that may have a blank in front. */
function ending(text: string | undefined, letters: string): string {
  if (text === undefined) return "";
  return text.startsWith(" ") ? ` ${letters}` : letters;
}

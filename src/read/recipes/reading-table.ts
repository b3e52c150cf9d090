/** A table as a recipe reads it: a copy for readers alone. Everything else takes the dictionary's own table. */
import { type ColumnCodec, Fault, type SqlValue } from "../../codecs/codec.ts";
import type { Column, Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { shown } from "../../shown.ts";
import { DateForms } from "./date-forms.ts";
import { numberForm } from "./number-forms.ts";
import { option } from "./option-text.ts";
import type { FileRecipe } from "./recipe.ts";

/**
 * @returns a table whose codecs read the numbers and dates of the recipe, and whose key may be missing if the database assigns
 * it; the table itself if the recipe says nothing about that
 * @throws MusterError `refused` if the recipe's dates name no instants, or its decimal mark is its group separator
 */
export function readingTable(table: Table, recipe: FileRecipe | undefined): Table {
  if (!recipe) return table;
  const { decimal, group, wholeDecimals, datetime, ids } = recipe;
  const parts = JSON.stringify([decimal, group, wholeDecimals, datetime, ids]);
  const made = MADE.get(table) ?? new Map<string, Table>();
  MADE.set(table, made);
  const known = made.get(parts);
  if (known) return known;
  if (made.size >= MADE_MAX) made.clear();
  const reading = derived(table, recipe);
  made.set(parts, reading);
  return reading;
}

/** The tables made so far. A replay reads each rejected row by its recipe, and making a zone anew takes milliseconds. */
const MADE = new WeakMap<Table, Map<string, Table>>();
/** How many recipes of a table are kept. */
const MADE_MAX = 16;

function derived(table: Table, recipe: FileRecipe): Table {
  // A recipe file has been checked for this, but options of the command may have changed one of the two.
  if (recipe.group !== undefined && recipe.group === (recipe.decimal ?? "."))
    throw new MusterError(
      "refused",
      `decimal and group are both ${shown(recipe.group)} in the recipe: give another group`,
    );
  const dates = recipe.datetime && new DateForms(recipe.datetime);
  const columns = table.columns.map((column) => {
    const codec = codecFor(column, recipe, dates);
    const isAssigned = column.isAssigned && recipe.ids === "database";
    return codec || isAssigned
      ? { ...column, ...(codec && { codec }), ...(isAssigned && { required: false }) }
      : column;
  });
  return columns.some((column, index) => column !== table.columns[index]) ? { ...table, columns } : table;
}

const TYPE = /^[a-z]+/;

/** The codec of a column if the recipe changes how it is read. */
function codecFor(
  { sqlType, codec, zone }: Column,
  recipe: FileRecipe,
  dates: DateForms | undefined,
): ColumnCodec | undefined {
  const [type = ""] = TYPE.exec(sqlType) ?? [];
  if (/^(tiny|small|medium|big)?int$/.test(type)) return numberCodec(codec, recipe, true);
  if (["decimal", "double", "float"].includes(type)) return numberCodec(codec, recipe, false);
  const decimals = Number(/\d/.exec(sqlType) ?? 0);
  if (type === "datetime" && zone === undefined && dates) return datetimeCodec(codec, dates, decimals);
  if (/^(datetime|timestamp)$/.test(type) && dates) return instantCodec(codec, dates, decimals);
  return type === "date" && dates && dates.patterns.length > 0 ? dateCodec(codec, dates) : undefined;
}

function numberCodec(codec: ColumnCodec, recipe: FileRecipe, isWhole: boolean): ColumnCodec | undefined {
  const form = numberForm(recipe, isWhole);
  if (!form) return undefined;
  const fromCsv = (cell: string) => {
    const text = form(cell);
    return text instanceof Fault ? text : codec.fromCsv(text);
  };
  // fromBytes reads digits alone, which every recipe reads in the same way.
  return { ...codec, fromCsv };
}

/** @param decimals how many decimals of a second the column keeps */
function datetimeCodec(codec: ColumnCodec, dates: DateForms, decimals: number): ColumnCodec {
  assertZone(dates);
  const { fromBytes, ...slow } = codec;
  // With formats, a text of the strict default's form could be one of them, too.
  return {
    ...slow,
    ...(dates.patterns.length === 0 && fromBytes && { fromBytes }),
    fromPlainBytes: (bytes: Buffer, start: number, end: number) => dates.instantIn(bytes, start, end, decimals),
    ...readers(codec, dates, (text) => dates.instant(text, decimals)),
  };
}

/** A TIMESTAMP, or a datetime of another zone: what the recipe reads as an instant is left to the column's own codec. */
function instantCodec(codec: ColumnCodec, dates: DateForms, decimals: number): ColumnCodec {
  assertZone(dates);
  const { fromBytes, ...slow } = codec;
  const read = (text: string) => {
    const utc = dates.instant(text, decimals);
    return typeof utc === "string" ? codec.fromCsv(`${utc}Z`) : utc;
  };
  return { ...slow, ...readers(codec, dates, read) };
}

/** @throws MusterError `refused` if a form of the recipe names no instants */
function assertZone({ withoutZone }: DateForms): void {
  if (withoutZone === undefined) return;
  const why = `the dates ${shown(withoutZone)} of the recipe do not say their time zone`;
  throw new MusterError("refused", `${why}: give it, such as ${option("zone", "America/Bogota")} or UTC`);
}

function dateCodec(codec: ColumnCodec, dates: DateForms): ColumnCodec {
  const read = (text: string) => {
    const day = dates.day(text);
    return typeof day === "string" ? codec.fromCsv(day) : day;
  };
  return { ...codec, ...readers(codec, dates, read) };
}

/**
 * Reads the recipe's forms first. The strict default's form is read too, because it has one meaning only.
 * @param read the value of a text in one of the recipe's forms; undefined if it has none of them
 */
function readers(
  codec: ColumnCodec,
  dates: DateForms,
  read: (text: string) => SqlValue | Fault | undefined,
): Pick<ColumnCodec, "fromCsv" | "fromJson"> {
  const fromCsv = (cell: string) => {
    const known = read(cell);
    if (known !== undefined) return known;
    const value = codec.fromCsv(cell);
    if (!(value instanceof Fault) || dates.wanted === "") return value;
    return new Fault(value.code, `${dates.wanted}, not ${shown(cell)}`);
  };
  const fromJson = (value: unknown) => {
    if (typeof value === "string") return fromCsv(value);
    return typeof value === "number" && dates.countsSeconds ? fromCsv(String(value)) : codec.fromJson(value);
  };
  return { fromCsv, fromJson };
}

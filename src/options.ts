/**
 * A setting of the environment or a flag of a command is declared once, as an Option. Its parser, its error message, its line
 * in --help and its row in docs/ are made from that. The settings are in config.ts, the flags in scripts/commands.ts.
 */
import { z } from "zod";
import { MusterError } from "./errors.ts";

export interface Option {
  /** Parses the text, and has the default. Its error message ends a sentence: "a port number" comes after "set PORT to". */
  type: z.ZodType;
  /** What it means, in one line. */
  about: string;
  /** What happens if it is not set, for --help and docs/. Only needed if the default of `type` does not say it. */
  unset?: string;
  /** What --help calls the value of a flag, such as N. A flag without it takes no value. */
  value?: string;
}

export type Values<Options extends Record<string, Option>> = {
  [Name in keyof Options]: z.output<Options[Name]["type"]>;
};

/**
 * Reads each option from what was given under its name.
 * @param fault makes the error message of one option. `wanted` is what should have been given
 * @throws MusterError `invalid` with the messages of all options at fault
 */
export function readOptions<Options extends Record<string, Option>>(
  options: Options,
  given: Record<string, unknown>,
  fault: (name: string, wanted: string) => string,
): Values<Options> {
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [name, { type }] of Object.entries(options)) {
    const { success, data, error } = type.safeParse(given[name]);
    if (success) values[name] = data;
    else faults.push(fault(name, error.issues[0]?.message ?? ""));
  }
  if (faults.length > 0) throw new MusterError("invalid", faults.join("; "));
  return values as Values<Options>;
}

/** The default of an option as --help shows it; undefined if there is none to show. */
export function defaultOf({ type, unset }: Option): string | undefined {
  const value = unset ?? type.parse(undefined);
  return value === undefined || value === false || String(value) === "" ? undefined : String(value);
}

export const text = z.string();

/** The type of a flag without a value: true if it is given. */
export const isGiven = z.boolean().default(false);

/** A whole number within limits. @param what its name in the error message, such as "a whole number of bytes" */
export function wholeNumber(what: string, least: number, most: number) {
  const wanted = `${what} from ${least} to ${most}`;
  const digits = z.string().regex(/^\d{1,10}$/, wanted);
  return digits.transform(Number).refine((number) => number >= least && number <= most, wanted);
}

export function oneOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, { error: `one of ${words.join(", ")}` });
}

/** Several values, separated by commas or blanks. */
export function listOf<Item extends z.ZodType<unknown, string>>(item: Item) {
  const split = z.string().transform((all) => all.split(/[, ]+/).filter((each) => each !== ""));
  return split.pipe(z.array(item)).default([]);
}

/** What --help says about a command. */
export interface Help {
  /** How it is called: one or more lines. */
  usage: readonly string[];
  /** What it does, and what its arguments are. */
  about: string;
  flags: Record<string, Option>;
  /** Flags that say how files are read, if the command reads any. */
  recipe?: Record<string, Option>;
  settings: Record<string, Option>;
  examples: readonly string[];
  exitCodes: string;
}

export function helpText({ usage, about, flags, recipe = {}, settings, examples, exitCodes }: Help): string {
  const named = (options: Record<string, Option>) =>
    Object.entries(options).map(
      ([name, { value = "", ...option }]) => [`--${name} ${value}`.trimEnd(), option] as const,
    );
  const sections = [
    `Usage: ${usage.join("\n       ")}`,
    about,
    optionLines("Options", named(flags)),
    optionLines("How the files are read, if not by the strict default (docs/recipes.md)", named(recipe)),
    optionLines("Settings, from the environment", Object.entries(settings)),
    `Examples:\n  ${examples.join("\n  ")}`,
    `Exit codes: ${exitCodes}`,
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function optionLines(title: string, options: readonly (readonly [string, Option])[]): string {
  if (options.length === 0) return "";
  const width = Math.max(...options.map(([name]) => name.length));
  const lines = options.map(([name, option]) => {
    const value = defaultOf(option);
    return `  ${name.padEnd(width)}  ${option.about}${value === undefined ? "" : ` (default: ${value})`}`;
  });
  return `${title}:\n${lines.join("\n")}`;
}

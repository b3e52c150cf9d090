/** What all commands share: how they read their arguments, open the database, react to Ctrl-C, and end. */

import { parseArgs } from "node:util";
import { BUILD } from "../src/build.ts";
import type { TableName } from "../src/codecs/tables.ts";
import { type Config, readConfig } from "../src/config.ts";
import { describeLoading } from "../src/db/database.ts";
import { isRefusal, lineOf } from "../src/db/driver-errors.ts";
import type { EndedRun } from "../src/db/ledger.ts";
import type { Use } from "../src/db/rights.ts";
import { stopAt } from "../src/debug-points.ts";
import { MusterError } from "../src/errors.ts";
import { interruption } from "../src/interruption.ts";
import { type OpenDatabase, openDatabase } from "../src/open-database.ts";
import { type Option, readOptions, type Values } from "../src/options.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { RECIPE_FLAGS, type RecipeFault, recipeOfOptions } from "../src/read/recipes/recipe-options.ts";
import { dictionary } from "../src/schema-check.ts";
import { COMMANDS, type CommandName, flagsOf, helpOf } from "./commands.ts";
import { say, sayError } from "./progress.ts";

/** The ways that a command can end, with their exit codes. */
const EXIT_CODES = { succeeded: 0, failed: 1, refused: 2, skipped: 4, interrupted: 130 } as const;
/** The exit code of a command that succeeded, if rows were rejected and --fail-on-rejects is given. */
const HAS_REJECTS = 3;

export interface Outcome {
  status: keyof typeof EXIT_CODES;
  /** Rows were rejected, and --fail-on-rejects is given. */
  isFailedByRejects?: boolean;
  /** Why it did not succeed: one line, for standard error. */
  error?: string | undefined;
  /** What `--json` prints besides status and error. */
  facts?: object;
  /** What is printed without `--json`. */
  text?: string;
}

export interface Context {
  config: Config;
  /** Aborted by Ctrl-C or SIGTERM. */
  signal: AbortSignal;
}

export interface DatabaseContext extends Context {
  database: OpenDatabase;
}

/** Whether standard output must be one line with a JSON object. This is read first, because it counts even if arguments are wrong. */
export const isJson = process.argv.includes("--json");

/**
 * Opens the database, runs a command's work, and ends the process as finish() does.
 * @param interrupted makes the line that is printed last after Ctrl-C. Its argument is the last run of the command that ended,
 *   or undefined if none did
 */
export function command(
  use: Use,
  work: (context: DatabaseContext) => Promise<Outcome>,
  interrupted: (last: EndedRun | undefined) => string = nothingChanged,
): Promise<never> {
  let last: EndedRun | undefined;
  const withDatabase = async (context: Context) => {
    const { config, signal } = context;
    const database = await openDatabase(config, { dictionary, use, say });
    try {
      database.ended.add((run) => {
        // A replay's run does not count: it is reported before its transaction is committed, so an error may still undo it.
        if (run.kind !== "replay") last = run;
      });
      if (config.LOG_LEVEL === "debug" || config.LOG_LEVEL === "trace") say(describeLoading(database.server));
      signal.throwIfAborted();
      return await work({ ...context, database });
    } finally {
      await database.close().catch((error) => say(lineOf(error)));
    }
  };
  return finish(withDatabase, (error, isInterrupted) => ({
    ...failure(error),
    ...(isInterrupted && { status: "interrupted", error: interrupted(last) }),
    ...(last && { facts: { run: last.id, tables: last.counts } }),
  }));
}

function nothingChanged(last: EndedRun | undefined): string {
  return `interrupted: ${last ? "nothing was changed; " : ""}run the same command again`;
}

/**
 * Runs a command's work and ends the process with the exit code of its outcome. An error is one line on standard error,
 * without a stack. With `--json` standard output ends with one object, whatever happened.
 */
export async function finish(
  work: (context: Context) => Promise<Outcome>,
  failed: (error: unknown, isInterrupted: boolean) => Outcome = (error, isInterrupted) =>
    isInterrupted ? { status: "interrupted", error: "interrupted" } : failure(error),
): Promise<never> {
  const atOnce = "interrupted again, and stopped at once: the next command cleans up after this one";
  const signal = interruption(() => end({ status: "interrupted", error: atOnce }));
  signal.addEventListener("abort", () => say("stopping"));
  process.on("uncaughtException", (error) => end(failure(error)));
  process.on("unhandledRejection", (error) => end(failure(error)));
  stopAt(process.env.MUSTER_DEBUG_POINT);
  let outcome: Outcome;
  try {
    outcome = await work({ config: readConfig(process.env), signal });
  } catch (error) {
    outcome = failed(error, signal.aborted);
  }
  end(outcome);
}

function failure(error: unknown): Outcome {
  return { status: isRefusal(error) ? "refused" : "failed", error: lineOf(error) };
}

function end({ status, error, facts, text, isFailedByRejects }: Outcome): never {
  // A command that was told to skip has done what it was told to.
  if (error !== undefined) (status === "skipped" ? say : sayError)(error);
  if (isJson) console.log(JSON.stringify({ ...facts, status, error }));
  else if (text !== undefined) console.log(text);
  process.exit(status === "succeeded" && isFailedByRejects ? HAS_REJECTS : EXIT_CODES[status]);
}

/**
 * Reads the command line. `--help` prints the command's help and ends the process with exit code 0. A mistake is reported in
 * one line, and ends the process with 2.
 * @param interpret checks flags, operands and the flags that say how files are read, and returns them in the form that the
 * command needs. It may throw a MusterError
 */
export function readArguments<Name extends CommandName, T>(
  name: Name,
  interpret: (flags: Values<(typeof COMMANDS)[Name]["flags"]>, operands: string[], recipe: FileRecipe | undefined) => T,
): T {
  try {
    const flags = flagsOf(name);
    const options = Object.fromEntries(
      Object.entries(flags).map(([flag, { value }]) => [flag, { type: value ? "string" : "boolean" } as const]),
    );
    // Not strict: a strict parseArgs() reports mistakes in several sentences, and still accepts a flag that is given twice.
    const { values, positionals, tokens } = parseArgs({ allowPositionals: true, options, strict: false, tokens: true });
    if (values.help === true) {
      console.log(helpOf(name));
      process.exit(0);
    }
    refuseMistakes(flags, tokens);
    refuseKeptByNpm(name, flags);
    const read = readOptions(
      COMMANDS[name].flags,
      values,
      (flag, wanted) => `--${flag} ${values[flag]}: give ${wanted}`,
    );
    return interpret(read, positionals, recipeOfOptions(values, "-", badOptions));
  } catch (error) {
    return end(failure(error));
  }
}

const badOptions = (faults: readonly RecipeFault[]) =>
  new MusterError("invalid", faults.map(({ name, detail }) => `--${name} ${detail}`).join("; "));

/** The names of a command's flags for an error. Those that say how files are read are too many for one line. */
function namesToShow(names: readonly string[]): string {
  const own = names.filter((name) => !Object.hasOwn(RECIPE_FLAGS, name));
  const more = own.length < names.length ? ", and those that --help lists for reading files" : "";
  return own.join(", --") + more;
}

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];

/** @throws MusterError `invalid` for mistakes that parseArgs() accepts if it is not strict */
function refuseMistakes(flags: Record<string, Option>, tokens: readonly Token[]): void {
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const names = Object.keys(flags);
    if (!names.includes(name)) refuse(`there is no option ${rawName}: they are --${namesToShow(names)}`);
    if (flags[name]?.value === undefined) {
      if (value !== undefined) refuse(`${rawName} takes no value: leave =${value} out`);
      continue;
    }
    if (!value || (!inlineValue && value.startsWith("--"))) refuse(`${rawName} needs a value; see --help`);
    if (given.has(name)) refuse(`${rawName} is given twice: give it once`);
    given.add(name);
  }
}

/**
 * Without `--` before the flag, as in `npm run restore jobs --plan`, npm keeps the flag for itself. The command would not see
 * it, and would restore instead of plan. So flags that npm has kept are refused.
 * @throws MusterError `invalid` that says how to write it (npm documentation: "npm run", on arguments after `--`, and "config")
 */
function refuseKeptByNpm(name: CommandName, flags: Record<string, Option>): void {
  if (BUILD || process.env.npm_lifecycle_event !== name) return;
  const isSet = (setting: string | undefined) =>
    process.env[`npm_config_${setting?.replaceAll("-", "_")}`] !== undefined;
  // npm sets npm_config_FLAG for a flag. But if it does not know the flag, and each of its letters is a short option of npm,
  // npm sets those options instead: --plan is read as -p -l -a -n.
  const isKept = (flag: string) => isSet(flag) || [...flag].every((letter) => isSet(NPM_SHORT_OPTIONS[letter]));
  const kept = Object.keys(flags).find(isKept);
  if (kept) refuse(`npm took --${kept} for an option of its own: write -- first, as in npm run ${name} -- --${kept}`);
}

const NPM_SHORT_OPTIONS: Record<string, string> = { p: "parseable", l: "long", a: "all", n: "yes" };

/** The table that an operand names. @throws MusterError `invalid` with the names of all tables */
export function tableNamed(name: string): TableName {
  if (dictionary.has(name)) return name;
  refuse(`there is no table ${name}: the tables are ${dictionary.names.join(", ")}`);
}

/** Refuses the arguments with a line that says what to do. */
export function refuse(line: string): never {
  throw new MusterError("invalid", line);
}

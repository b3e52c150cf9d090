/** What every command shares: the environment, the database, signals, one-line errors and exit codes (design section 3). */
import { parseArgs } from "node:util";
import { isTableName, type TableName, tableNames } from "../src/codecs/tables.ts";
import { type Config, DATA_FOLDER, readConfig } from "../src/config.ts";
import { isRefusal, lineOf } from "../src/db/errors.ts";
import { type OpenDatabase, openDatabase } from "../src/db/open.ts";
import { MusterError } from "../src/errors.ts";
import { interruption } from "../src/interruption.ts";
import { say } from "./terminal.ts";

export const EXIT = { done: 0, failed: 1, refused: 2, interrupted: 130 } as const;

export interface Context {
  config: Config;
  database: OpenDatabase;
  /** Aborted by Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  /** One line on standard error, beside whatever progress is drawn there. */
  say(line: string): void;
}

/**
 * Runs a command's work and ends the process: with the code that the work answers, 2 where it was refused or asked
 * wrongly, 130 where it was interrupted, 1 where it failed. An error is one line, without a stack.
 */
export async function command(work: (context: Context) => Promise<number>): Promise<never> {
  const signal = interruption(EXIT.interrupted);
  signal.addEventListener("abort", () => say("stopping"));
  let code: number = EXIT.failed;
  let database: OpenDatabase | undefined;
  try {
    const config = readConfig(process.env);
    const { databaseUrl: url, mysqld, capabilities } = config;
    database = await openDatabase({ url, folder: DATA_FOLDER, mysqld, capabilities, say });
    signal.throwIfAborted();
    code = await work({ config, database, signal, say });
  } catch (error) {
    code = fail(error, signal.aborted);
  } finally {
    await database?.close().catch((error) => fail(error, false));
  }
  process.exit(code);
}

/**
 * Reads the command line: `--help` prints the text and ends the process with 0, a mistake is said in one line and ends it
 * with 2.
 * @param interpret makes of the values and positionals what the command wants; it may throw a MusterError
 */
export function readArguments<Options extends OptionTypes, T>(
  help: string,
  options: Options,
  interpret: (values: Values<Options>, positionals: string[]) => T,
): T {
  try {
    const all = { ...options, help: { type: "boolean" } } as const;
    // Not strict: its errors are several sentences, and of an option that is given twice it takes the last.
    const parsed = parseArgs({ allowPositionals: true, options: all, strict: false, tokens: true });
    if (parsed.values.help === true) {
      console.log(help);
      process.exit(EXIT.done);
    }
    refuseMistakes(all, parsed.tokens);
    return interpret(parsed.values as Values<Options>, parsed.positionals);
  } catch (error) {
    process.exit(fail(error, false));
  }
}

type OptionTypes = Record<string, { type: "string" | "boolean" }>;

type Values<Options extends OptionTypes> = {
  [Name in keyof Options]?: Options[Name]["type"] extends "boolean" ? boolean : string;
};

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];

/** @throws MusterError `invalid` for what parseArgs lets pass where it is not strict */
function refuseMistakes(options: OptionTypes, tokens: readonly Token[]): void {
  const refuse = (line: string) => {
    throw new MusterError("invalid", line);
  };
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const names = Object.keys(options);
    if (!names.includes(name)) refuse(`there is no option ${rawName}: they are --${names.join(", --")}`);
    if (options[name]?.type === "boolean") {
      if (value !== undefined) refuse(`${rawName} takes no value: leave =${value} out`);
      continue;
    }
    if (!value || (!inlineValue && value.startsWith("--"))) refuse(`${rawName} needs a value; see --help`);
    if (given.has(name)) refuse(`${rawName} is given twice: give it once`);
    given.add(name);
  }
}

/** Says what went wrong in one line, and answers the exit code. */
export function fail(error: unknown, interrupted: boolean): number {
  say(interrupted ? "interrupted" : lineOf(error));
  if (interrupted) return EXIT.interrupted;
  return isRefusal(error) ? EXIT.refused : EXIT.failed;
}

/** A table that an argument names. @throws MusterError `invalid` that names those there are */
export function tableNamed(text: string): TableName {
  if (isTableName(text)) return text;
  throw new MusterError("invalid", `there is no table ${text}: the tables are ${tableNames.join(", ")}`);
}

/** What every command shares: arguments, the environment, the database, signals, and the one way in which a command ends. */
import { parseArgs } from "node:util";
import { isTableName, type TableName, tableNames } from "../src/codecs/tables.ts";
import { type Config, DATA_FOLDER, readConfig } from "../src/config.ts";
import { lanesOf } from "../src/db/database.ts";
import { isRefusal, lineOf } from "../src/db/driver-errors.ts";
import type { EndedRun } from "../src/db/ledger.ts";
import type { Use } from "../src/db/rights.ts";
import { MusterError } from "../src/errors.ts";
import { interruption } from "../src/interruption.ts";
import { type OpenDatabase, openDatabase } from "../src/open-database.ts";
import { say } from "./terminal.ts";

/** How a command ends, and with which exit code. */
const EXIT_CODES = { succeeded: 0, failed: 1, refused: 2, interrupted: 130 } as const;
type Status = keyof typeof EXIT_CODES;

export interface Outcome {
  status: Status;
  /** Why it did not succeed: one line, shown on standard error. */
  error?: string | undefined;
  /** What `--json` says besides status and error. */
  facts?: object;
  /** What standard output says without `--json`. */
  text?: string;
}

export interface Context {
  config: Config;
  /** Aborted by Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  /** One line on standard error, beside whatever progress is drawn there. */
  say(line: string): void;
}

export interface DatabaseContext extends Context {
  database: OpenDatabase;
}

/** What an interrupted command may say of what it has changed. @param last the run that it had begun, as that ended */
type AfterInterruption = (last: EndedRun | undefined) => string;

const NOTHING_CHANGED: AfterInterruption = (last) =>
  last ? "interrupted: nothing was changed; run the same command again" : "interrupted: run the same command again";

/** Whether the last line of standard output is an object, however the command ends. Asked before the arguments are read. */
export const isJson = process.argv.includes("--json");

/**
 * Runs a command's work with the database open for a use, and ends the process as `finish` does.
 * @param interrupted the line for Ctrl-C, if the work changes more than nothing before it is done
 */
export function command(
  use: Use,
  work: (context: DatabaseContext) => Promise<Outcome>,
  interrupted: AfterInterruption = NOTHING_CHANGED,
): Promise<never> {
  let last: EndedRun | undefined;
  const withDatabase = async (context: Context) => {
    const { databaseUrl: url, databaseConnections: connections, mysqld, capabilities, logLevel } = context.config;
    const database = await openDatabase({ url, folder: DATA_FOLDER, mysqld, capabilities, connections, use, say });
    try {
      database.ended.add((run) => {
        // A replay's runs are told before they are committed.
        if (run.kind !== "replay") last = run;
      });
      if (logLevel === "debug" || logLevel === "trace") say(lanesOf(database.server));
      context.signal.throwIfAborted();
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

/**
 * Runs a command's work and ends the process: with 0 if it succeeded, 2 if it was refused or asked wrongly, 130 if it was
 * interrupted, 1 if it failed. An error is one line on standard error, without a stack. With `--json` standard output ends
 * with one object in every case.
 */
export async function finish(
  work: (context: Context) => Promise<Outcome>,
  failed: (error: unknown, isInterrupted: boolean) => Outcome = (error, isInterrupted) =>
    isInterrupted ? { status: "interrupted", error: "interrupted" } : failure(error),
): Promise<never> {
  const atOnce = "interrupted again and ended at once: the next command clears what this one left";
  const signal = interruption(() => end({ status: "interrupted", error: atOnce }));
  signal.addEventListener("abort", () => say("stopping"));
  process.on("uncaughtException", (error) => end(failure(error)));
  process.on("unhandledRejection", (error) => end(failure(error)));
  let outcome: Outcome;
  try {
    outcome = await work({ config: readConfig(process.env), signal, say });
  } catch (error) {
    outcome = failed(error, signal.aborted);
  }
  end(outcome);
}

/** What an error means, in one line. */
function failure(error: unknown): Outcome {
  return { status: isRefusal(error) ? "refused" : "failed", error: lineOf(error) };
}

function end({ status, error, facts, text }: Outcome): never {
  if (error !== undefined) say(error);
  if (isJson) console.log(JSON.stringify({ ...facts, status, error }));
  else if (text !== undefined) console.log(text);
  process.exit(EXIT_CODES[status]);
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
    // Not strict: its errors are several sentences, and it takes the last of two values for one option.
    const parsed = parseArgs({ allowPositionals: true, options: all, strict: false, tokens: true });
    if (parsed.values.help === true) {
      console.log(help);
      process.exit(0);
    }
    refuseMistakes(all, parsed.tokens);
    return interpret(parsed.values as Values<Options>, parsed.positionals);
  } catch (error) {
    return end(failure(error));
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

/** A table that an argument names. @throws MusterError `invalid` that names those there are */
export function tableNamed(text: string): TableName {
  if (isTableName(text)) return text;
  throw new MusterError("invalid", `there is no table ${text}: the tables are ${tableNames.join(", ")}`);
}

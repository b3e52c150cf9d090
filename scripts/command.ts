/** What every command shares: the environment, the database, signals, one-line errors and exit codes (design section 3). */
import { type Config, DATA_FOLDER, readConfig } from "../src/config.ts";
import { domainError } from "../src/db/errors.ts";
import { type OpenDatabase, openDatabase } from "../src/db/open.ts";
import { MusterError } from "../src/errors.ts";

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
  const interruption = new AbortController();
  const interrupt = () => {
    if (interruption.signal.aborted) process.exit(EXIT.interrupted); // asked twice: the next command cleans up
    interruption.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  let code: number = EXIT.failed;
  let database: OpenDatabase | undefined;
  try {
    const config = readConfig(process.env);
    database = await openDatabase({ url: config.databaseUrl, folder: DATA_FOLDER, mysqld: config.mysqld, say });
    interruption.signal.throwIfAborted();
    code = await work({ config, database, signal: interruption.signal, say });
  } catch (error) {
    code = fail(error, interruption.signal.aborted);
  } finally {
    await database?.close().catch((error) => fail(error, false));
  }
  process.exit(code);
}

/** Says what went wrong in one line, and answers the exit code. */
export function fail(error: unknown, interrupted: boolean): number {
  const shown = domainError(error);
  if (interrupted) {
    say("interrupted");
    return EXIT.interrupted;
  }
  if (shown instanceof MusterError) {
    say(shown.message);
    return shown.code === "invalid" || shown.code === "refused" ? EXIT.refused : EXIT.failed;
  }
  say(`an error inside Muster: ${shown instanceof Error ? shown.message.slice(0, 300) : String(shown)}`);
  return EXIT.failed;
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

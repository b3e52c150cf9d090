/** The log: where its lines go, one line for each request, and what it may say about an error. */
import type { MiddlewareHandler } from "hono";
import pino, { type Logger } from "pino";
import type { PrettyOptions } from "pino-pretty";
import { driverError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";
import { isFileError } from "../file-errors.ts";
import type { Env } from "./env.ts";

/** Lines are written together, once they have this many characters or are this old: one write per line would take longer. */
const HELD_CHARACTERS_MAX = 4096;
const HELD_MS_MAX = 100;

/** How long the last lines may take to be written. */
const FLUSH_MS_MAX = 1_000;

export interface OpenLog {
  log: Logger;
  /** Writes the lines that are held back, and ends the log. */
  close(): Promise<void>;
}

/**
 * Opens the log on standard output: JSON, or short lines for a person at a terminal. JSON lines that are held back are written
 * when the log is closed. A process that is killed loses the lines of the last HELD_MS_MAX.
 */
export async function openLog(level: string, isTerminal: boolean): Promise<OpenLog> {
  if (isTerminal) {
    const { default: pretty } = await import("pino-pretty");
    return { log: pino({ level }, pretty(SHORT)), close: async () => {} };
  }
  const held = { sync: false, minLength: HELD_CHARACTERS_MAX, periodicFlush: HELD_MS_MAX };
  const destination = pino.destination({ dest: process.stdout.fd, ...held });
  return {
    log: pino({ level }, destination),
    close: async () => {
      // Not flush(): it is done when the lines that are being written are, and others can be waiting behind them.
      const written = new Promise<void>((done) => destination.once("close", done).once("error", () => done()));
      destination.end();
      await Promise.race([written, Bun.sleep(FLUSH_MS_MAX)]);
      // Otherwise the destination would try for ever to write at the exit, if nobody reads the log any more.
      destination.destroy();
    },
  };
}

const SHORT: PrettyOptions = {
  sync: true,
  singleLine: true,
  translateTime: "SYS:HH:MM:ss",
  ignore: "pid,hostname,request,role,run,method,path,status,ms",
  messageFormat({ request, method, path, status, ms, ...line }, messageKey) {
    if (status !== undefined) return `${method} ${path} ${status} in ${ms} ms`;
    return request === undefined ? `${line[messageKey]}` : `${line[messageKey]} (request ${request})`;
  },
};

/**
 * Logs each request: method, path, status, milliseconds, request id, role, and the run that it began. It never logs the token,
 * and never the query, since filters contain data.
 */
export function requestLog(log: Logger): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.set("log", log);
    const started = performance.now();
    await next();
    const { method, path } = c.req;
    const ms = Math.round((performance.now() - started) * 10) / 10;
    const [request, role, run] = [c.get("requestId"), c.get("role"), c.get("run")];
    log.info({ request, role, run, method, path, status: c.res.status, ms }, "request");
  };
}

/** Logs that the run of an earlier request failed. */
export function logFailure(log: Logger, facts: { run: string; table?: string }, subject: string, error: unknown): void {
  if (error instanceof MusterError) log.warn(facts, `${subject} failed: ${error.message}`);
  else log.error({ ...facts, error: loggable(error) }, `${subject} failed: an error inside Muster`);
}

/**
 * What may be logged about an error. A database error is logged without its message: Drizzle's message contains the statement
 * with its parameters, and the server's message quotes values. A file error is logged without its message too: it has the path.
 */
export function loggable(error: unknown): Record<string, unknown> {
  const driver = driverError(error);
  if (driver) return { code: driver.code, errno: driver.errno, at: framesOf(driver) };
  if (!(error instanceof Error)) return { thrown: typeof error };
  if (isFileError(error)) return { code: error.code, syscall: error.syscall, at: framesOf(error) };
  // DrizzleQueryError has no name of its own.
  if ("query" in error) return { name: "DrizzleQueryError", cause: loggable(error.cause) };
  const cause = error.cause === undefined ? {} : { cause: loggable(error.cause) };
  return { name: error.name, message: error.message, at: framesOf(error), ...cause };
}

/** The stack without its first lines, which repeat the message. */
function framesOf(error: Error): string[] {
  const lines = error.stack?.split("\n") ?? [];
  return lines.filter((line) => /^ {4}at /.test(line)).map((line) => line.trim());
}

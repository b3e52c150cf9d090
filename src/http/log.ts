/** Where log lines go, one line a request, and what of an error may be written down. */
import type { MiddlewareHandler } from "hono";
import pino, { type Logger } from "pino";
import type { PrettyOptions } from "pino-pretty";
import { driverError } from "../db/driver-errors.ts";
import { isFileError } from "../file-errors.ts";
import type { Env } from "./env.ts";

/** Lines are held back until they have so many characters, or so long: to write each by itself takes longer than to make it. */
const HELD_CHARACTERS_MAX = 4096;
const HELD_MS_MAX = 100;

/**
 * Log lines on standard output: JSON, or short ones for a person at a terminal. What of JSON is held back is written when
 * the process ends; one that is killed takes the last HELD_MS_MAX with it.
 */
export async function openLog(level: string, isTerminal: boolean): Promise<Logger> {
  const held = { sync: false, minLength: HELD_CHARACTERS_MAX, periodicFlush: HELD_MS_MAX };
  if (!isTerminal) return pino({ level }, pino.destination({ dest: process.stdout.fd, ...held }));
  const { default: pretty } = await import("pino-pretty");
  return pino({ level }, pretty(SHORT));
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
 * Logs method, path, status, milliseconds, request id, the role of the token and the run that was made, where there are such;
 * not the token, nor the query, whose filters are data.
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

/**
 * What of an error may be logged: of the driver's its code and number, since Drizzle's message is the statement with its
 * parameters and the server's own words quote values; of any other its message; and where it was thrown.
 */
export function loggable(error: unknown): Record<string, unknown> {
  const driver = driverError(error);
  if (driver) return { code: driver.code, errno: driver.errno, at: framesOf(driver) };
  if (!(error instanceof Error)) return { thrown: typeof error };
  // Its message has the path.
  if (isFileError(error)) return { code: error.code, syscall: error.syscall, at: framesOf(error) };
  // Drizzle's, whose name is that of any other.
  if ("query" in error) return { name: "DrizzleQueryError", cause: loggable(error.cause) };
  const cause = error.cause === undefined ? {} : { cause: loggable(error.cause) };
  return { name: error.name, message: error.message, at: framesOf(error), ...cause };
}

/** The stack without its first lines, which repeat the message. */
function framesOf(error: Error): string[] {
  const lines = error.stack?.split("\n") ?? [];
  return lines.filter((line) => /^ {4}at /.test(line)).map((line) => line.trim());
}

/**
 * A password that is not in DATABASE_URL: it comes from a file or a command, and is read anew for each connection. So a
 * password may be rotated, and a token may expire, while Muster runs. Neither the password nor what the command prints is ever
 * logged or part of an error.
 */
import { readFile, stat } from "node:fs/promises";
import type { Config } from "../config.ts";
import { MusterError } from "../errors.ts";
import { driverError } from "./driver-errors.ts";
import { parseUrl } from "./url.ts";

/** The `aws` command takes a second or two for a token. */
const COMMAND_MS_MAX = 10_000;
/** A token of IAM has one or two KB. */
const BYTES_MAX = 64 * 1024;
/** Words that can be split at blanks. Quotes, variables, pipes and the like are a shell's business. */
const SIMPLE = /^[\w\s%+,./:=@-]+$/;

export interface PasswordSource {
  /** The setting that names it. */
  setting: string;
  /** The longest time that read() takes, in milliseconds. */
  msMax: number;
  /**
   * Reads the password. Connections that open at the same time share one run of the command.
   * @param again never to share a run that has begun before
   * @throws an error like the driver's, with the code PASSWORD_NOT_READ and a line that says what to do
   */
  read(again?: boolean): Promise<string>;
}

type Settings = Pick<Config, "DATABASE_URL" | "DATABASE_PASSWORD_FILE" | "DATABASE_PASSWORD_COMMAND">;

/**
 * Where the password comes from; undefined if it is in DATABASE_URL.
 * @throws MusterError `invalid` if there are two passwords, or one without DATABASE_URL
 */
export function passwordSource(settings: Settings): PasswordSource | undefined {
  const { DATABASE_URL: url, DATABASE_PASSWORD_FILE: file, DATABASE_PASSWORD_COMMAND: command } = settings;
  if (file === undefined && command === undefined) return undefined;
  if (file !== undefined && command !== undefined) {
    const line = "DATABASE_PASSWORD_FILE and DATABASE_PASSWORD_COMMAND are both set: unset one of them";
    throw new MusterError("invalid", line);
  }
  const setting = file !== undefined ? "DATABASE_PASSWORD_FILE" : "DATABASE_PASSWORD_COMMAND";
  if (url === undefined) {
    const line = `${setting} is set without DATABASE_URL: set DATABASE_URL to mysql://user@host:port/database`;
    throw new MusterError("invalid", line);
  }
  if (parseUrl(url).options.password !== "") {
    throw new MusterError("invalid", `DATABASE_URL has a password, and ${setting} is set: remove one of them`);
  }
  return file !== undefined ? fromFile(setting, file) : fromCommand(setting, command ?? "");
}

/**
 * Connects with a password that is read now. If the server refuses it, and another one can be read now, connects with that: it
 * may have been rotated between the two.
 * @param connect gets the options that the password adds to the connection's
 */
export async function signIn<T>(
  source: PasswordSource | undefined,
  connect: (login: { password?: string }) => Promise<T>,
): Promise<T> {
  if (!source) return connect({});
  const password = await source.read();
  try {
    return await connect({ password });
  } catch (error) {
    if (!isDenied(error)) throw error;
    const newer = await source.read(true);
    if (newer === password) throw named(error, source);
    return await connect({ password: newer }).catch((refused) => {
      throw named(refused, source);
    });
  }
}

/** Whether the server has refused the user or the password. */
export const isDenied = (error: unknown): boolean => driverError(error)?.code === "ER_ACCESS_DENIED_ERROR";

/** Adds the name of the setting to an error of the driver, for its line. */
export function named<E>(error: E, source: PasswordSource | undefined): E {
  const driver = driverError(error);
  if (driver && source) driver.passwordFrom = source.setting;
  return error;
}

function fromFile(setting: string, path: string): PasswordSource {
  const read = async () => {
    const facts = await stat(path).catch((error) => notRead(setting, `the file cannot be read (${error.code})`, FILE));
    // A pipe could be read only once.
    if (!facts.isFile()) return notRead(setting, "it names something that is no regular file", FILE);
    if (facts.size > BYTES_MAX) return notRead(setting, `the file is larger than ${BYTES_MAX} bytes`, FILE);
    const bytes = await readFile(path).catch((error) =>
      notRead(setting, `the file cannot be read (${error.code})`, FILE),
    );
    return passwordIn(bytes, setting, "the file", FILE);
  };
  return { setting, msMax: 0, read };
}

const FILE = "name a file that this user may read, with the password alone in it";
const COMMAND = "run it by hand as this user to see why. It must print the password alone";

function fromCommand(setting: string, command: string): PasswordSource {
  let running: Promise<string> | undefined;
  const start = () => {
    const run = outputOf(command, setting).then((bytes) => passwordIn(bytes, setting, "the command's output", COMMAND));
    const ended = () => {
      if (running === run) running = undefined;
    };
    running = run;
    run.then(ended, ended);
    return run;
  };
  return { setting, msMax: COMMAND_MS_MAX, read: async (again = false) => (again ? undefined : running) ?? start() };
}

/** Runs the command, by a shell only if it needs one. */
async function outputOf(command: string, setting: string): Promise<Uint8Array> {
  const words = SIMPLE.test(command) ? command.trim().split(/\s+/) : ["/bin/sh", "-c", command];
  const child = spawn(words, setting);
  const output = child.stdout.getReader();
  // The group: what the command has started may keep its output open.
  const kill = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {}
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
    // A program that has left the group (setsid) is still there. Its output would never end.
    output.cancel().catch(() => {});
  }, COMMAND_MS_MAX);
  try {
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let part = await output.read(); !part.done; part = await output.read()) {
      size += part.value.length;
      if (size > BYTES_MAX) return notRead(setting, `the command prints more than ${BYTES_MAX} bytes`, COMMAND);
      parts.push(part.value);
    }
    const code = await child.exited;
    if (isLate) return notRead(setting, `the command did not end within ${COMMAND_MS_MAX / 1000} s`, COMMAND);
    if (code !== 0) return notRead(setting, `the command ended with exit code ${code}`, COMMAND);
    return Buffer.concat(parts);
  } finally {
    clearTimeout(timer);
    if (child.exitCode === null) kill();
    output.cancel().catch(() => {});
  }
}

function spawn(words: string[], setting: string) {
  try {
    return Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "ignore", detached: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return notRead(setting, `the command cannot be started (${code})`, "check its first word, and PATH");
  }
}

/** The password in the bytes, without the newline at their end. */
function passwordIn(bytes: Uint8Array, setting: string, place: string, mend: string): string {
  let password: string;
  try {
    password = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
  } catch {
    return notRead(setting, `${place} is not UTF-8`, mend);
  }
  if (password === "") return notRead(setting, `${place} is empty`, mend);
  if (/\p{Cc}/u.test(password)) return notRead(setting, `${place} has several lines or control characters`, mend);
  return password;
}

function notRead(setting: string, why: string, mend: string): never {
  const line = `the database's password cannot be read by ${setting}: ${why}: ${mend}`;
  throw Object.assign(new Error(line), { code: "PASSWORD_NOT_READ", fatal: true });
}

/** Locks between processes that end with the process that holds them, however it ends: SQLite's locks on an empty file. */
import { Database } from "bun:sqlite";
import { MusterError } from "../errors.ts";

export interface FileLock {
  release(): void;
}

/** The lock that nobody else may hold or share, or undefined while somebody does. */
export function lockAlone(file: string): FileLock | undefined {
  return take(file, ["BEGIN EXCLUSIVE"]);
}

/** A share of the lock. @throws MusterError `unavailable` while somebody holds it alone */
export function lockShared(file: string): FileLock {
  // A transaction has no lock before its first read.
  const lock = take(file, ["BEGIN", "SELECT COUNT(*) FROM sqlite_master"]);
  if (!lock) throw new MusterError("unavailable", `${file} is locked by another program`);
  return lock;
}

/** A lock whose holder were collected as garbage would be given up. */
const held = new Set<Database>();

function take(file: string, statements: string[]): FileLock | undefined {
  let database: Database | undefined;
  try {
    database = new Database(file, { create: true });
    for (const statement of statements) database.run(statement);
  } catch (error) {
    database?.close();
    if ((error as { code?: string }).code === "SQLITE_BUSY") return undefined;
    throw new MusterError("unavailable", `${file} cannot be locked: see that its folder can be written`, {
      cause: error,
    });
  }
  const taken = database;
  held.add(taken);
  return {
    release: () => {
      held.delete(taken);
      taken.close();
    },
  };
}

/** Locks between processes, which the kernel releases when their process ends. They are SQLite's locks on an empty file. */
import { Database } from "bun:sqlite";
import { MusterError } from "../errors.ts";

export interface FileLock {
  release(): void;
}

/** Takes the lock exclusively. Undefined if another process holds or shares it. */
export function lockAlone(file: string): FileLock | undefined {
  return take(file, ["BEGIN EXCLUSIVE"]);
}

/** Shares the lock with others. @throws MusterError `unavailable` if another process holds it exclusively */
export function lockShared(file: string): FileLock {
  // SQLite takes the shared lock at a transaction's first read.
  const lock = take(file, ["BEGIN", "SELECT COUNT(*) FROM sqlite_master"]);
  if (!lock) throw new MusterError("unavailable", `${file} is locked by another program: try again when it has ended`);
  return lock;
}

/** Keeps the databases from being garbage-collected, which would release their locks. */
const held = new Set<Database>();

function take(file: string, statements: string[]): FileLock | undefined {
  let database: Database | undefined;
  try {
    database = new Database(file, { create: true });
    for (const statement of statements) database.run(statement);
  } catch (error) {
    database?.close();
    if ((error as { code?: string }).code === "SQLITE_BUSY") return undefined;
    const line = `${file} cannot be locked: check that its folder can be written`;
    throw new MusterError("unavailable", line, { cause: error });
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

/**
 * What scripts/build.ts compiles into the one executable: its version, and the migrations, which are files in a checkout.
 * In a checkout there is no build.
 */
import type { Migration } from "./db/migrations.ts";

export interface Build {
  version: string;
  /** The commit that it was built from, or undefined if it was built outside a Git repository. */
  commit: string | undefined;
  migrations: Migration[];
}

/** `bun build` replaces this name by the value. */
declare const MUSTER_BUILD: Build | undefined;

export const BUILD = typeof MUSTER_BUILD === "undefined" ? undefined : MUSTER_BUILD;

/** How a user calls a command, up to its arguments: `npm run import --`, or `muster import` in the executable. */
export const called = (command: string): string => (BUILD ? `muster ${command}` : `npm run ${command} --`);

/** A text of ours with the commands as this program's user calls them. Not for texts that hold values of others. */
export function asCalled(text: string): string {
  if (!BUILD) return text;
  return text.replace(/npm run (\w+)( --)?/g, "muster $1").replaceAll("npm start", "muster serve");
}

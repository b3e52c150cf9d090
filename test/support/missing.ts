/** What some tests need and not every machine has. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Files of other people, kept beside the repository: the original system's, and awkward ones. */
const SHARED = join(import.meta.dir, "../../../shared");
export const CHALLENGE = join(SHARED, "data/challenge");
export const CASES = join(SHARED, "cases/files");
export const CHROMIUM = "/usr/bin/chromium";

/**
 * For the title of a test that needs something, so that the runner's list of skipped tests says why:
 *
 *     const without = missing("Chromium", existsSync(CHROMIUM));
 *     test.skipIf(without !== "")(`the page opens${without}`, ...);
 */
export function missing(what: string, isHere: boolean): string {
  return isHere ? "" : ` (skipped: ${what} is missing)`;
}

export const withoutChallenge = missing("../shared/data/challenge", existsSync(CHALLENGE));
export const withoutCases = missing("../shared/cases/files", existsSync(CASES));
export const withoutChromium = missing(CHROMIUM, existsSync(CHROMIUM));
/** For tests that measure a process: see process.ts. */
export const withoutProc = missing("/proc", process.platform === "linux");

/** For a test of something that TiDB does not have, or does otherwise. docs/scale.md says what a user sees there. */
export function notOnTidb(reason: string): string {
  return process.env.MUSTER_TIDB ? ` (skipped on TiDB: ${reason})` : "";
}

export const withoutSwap = notOnTidb("no table is swapped there");

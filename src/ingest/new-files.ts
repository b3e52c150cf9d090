/** `--new-only`: which files of a source have been imported before. */
import { MusterError } from "../errors.ts";
import { digestOf, etagDigest, type Identity } from "../read/sources/file-digest.ts";
import type { Source, SourceFile } from "../read/sources/source.ts";
import { type KnownFile, knownFiles } from "../repositories/file-log.ts";
import { escaped } from "../shown.ts";
import type { Import } from "./import-state.ts";

/** How many changed files a refusal names. */
const CHANGED_SHOWN_MAX = 3;

/** @throws MusterError `invalid` if a file of the source could not be known again */
export function assertKnowable({ files }: Source): void {
  for (const file of files) {
    const identity = identityOf(file);
    if (!identity.isObject || etagDigest(identity) !== undefined) continue;
    throw new MusterError(
      "invalid",
      `${escaped(identity.name)} has no entity tag in the bucket's list, so --new-only cannot tell whether it has changed: import it without --new-only`,
    );
  }
}

/**
 * Leaves the files out that an import of their table has read before. Called when the run has its turn at the tables, so no other
 * import can read one of the files meanwhile.
 * @returns the import with the other files
 * @throws MusterError `refused` if a known file has changed, unless such files are to be imported again
 */
export async function withoutKnown(state: Import): Promise<Import> {
  const { database, source, report, read } = state;
  const asked = source.files.map((file) => ({ table: file.table, name: identityOf(file).name }));
  const known = await knownFiles(database.db, asked);
  const isHashed = ({ bytes, identity }: SourceFile, before: KnownFile | undefined) =>
    before?.bytes === bytes && !identity?.isObject;
  const hashed = { bytes: 0, of: 0 };
  for (const [at, file] of source.files.entries()) if (isHashed(file, known[at])) hashed.of += file.bytes;
  const files: SourceFile[] = [];
  const changed: string[] = [];
  for (const [at, file] of source.files.entries()) {
    report.signal?.throwIfAborted();
    const before = known[at];
    const onChunk = ({ length }: Uint8Array) => {
      report.signal?.throwIfAborted();
      hashed.bytes += length;
      report.progress?.({ table: file.table, phase: "comparing known files", rows: 0, ...hashed });
    };
    if (before && (await isAsBefore(file, before, onChunk))) {
      read.of -= file.bytes;
      continue;
    }
    files.push(file);
    if (before) changed.push(`${escaped(file.name)} (run ${before.run}, ${before.imported_at})`);
  }
  if (changed.length > 0 && !state.again) throw hasChanged(changed);
  const left = source.files.length - files.length;
  if (left > 0) report.say(skippedLine(left, files.length));
  return { ...state, source: { ...source, files }, filesKnown: left };
}

async function isAsBefore(
  file: SourceFile,
  { bytes, digest }: KnownFile,
  onChunk: (chunk: Uint8Array) => void,
): Promise<boolean> {
  const identity = identityOf(file);
  if (file.bytes !== bytes) return false;
  return digest === (identity.isObject ? etagDigest(identity) : await digestOf(file, onChunk));
}

function identityOf({ name, identity }: SourceFile): Identity {
  if (identity) return identity;
  throw new MusterError(
    "invalid",
    `${escaped(name)} has no name that lasts, so --new-only cannot know it again: import it without --new-only`,
  );
}

function skippedLine(known: number, fresh: number): string {
  const were = known === 1 ? "1 file that was" : `${known} files that were`;
  return `skipped ${were} imported before${fresh === 0 ? ": there is nothing new" : ""}`;
}

function hasChanged(changed: readonly string[]): MusterError {
  const shown = changed.slice(0, CHANGED_SHOWN_MAX).join(", ");
  const more = changed.length > CHANGED_SHOWN_MAX ? ` and ${changed.length - CHANGED_SHOWN_MAX} more` : "";
  const have = changed.length === 1 ? "has" : "have";
  return new MusterError(
    "refused",
    `${shown}${more} ${have} changed since that import: give --again to import ${changed.length === 1 ? "it" : "them"} again, or put new rows into new files; nothing was imported`,
  );
}

/** What is found at the locations that an import is given, before anything is read. */
import type { TableName } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { escaped } from "../../shown.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import type { Identity } from "./file-digest.ts";
import type { SkippedThings } from "./skipped.ts";

/** A directory, a file, a prefix or an object in S3, or a pipe. */
export interface Place {
  /** As the user wrote it. */
  location: string;
  /** Always the same for the same place, however the user spells it. */
  name: string;
  /** The folder or the prefix that may have a muster.recipe.json for its files; undefined for a pipe. */
  besides: string | undefined;
  /** It is one file, named by the user. */
  isOne: boolean;
  /** The name of the folder that it is, or is in; "" if it has none. It says the table if nothing below it does. */
  folder: string;
  /** Finds its files. `choose` is asked about the name of each. */
  find(choose: Choose): Promise<Found>;
}

export interface Found {
  /** The name under which its imports are known. */
  name: string;
  files: ChosenFile[];
  skipped: SkippedThings;
}

export interface FoundFile {
  /** Relative to its source. */
  name: string;
  bytes: number;
  identity?: Identity | undefined;
  /**
   * Reads the bytes from the beginning. Throws if the file is not as it was found.
   * @param name what it is called in an error
   */
  open(name: string): AsyncIterable<Uint8Array>;
}

export interface ChosenFile extends FoundFile, Chosen {
  /** Another name for the file. If it is there, its ending says how the file is read, and not the ending of `name`. */
  readAs?: string;
}

export interface Chosen {
  table: TableName;
  recipe: FileRecipe | undefined;
}

/** What a file's name and the recipe say: read it; leave it out, and say why; or it is for another table, or is the recipe. */
export type Choice =
  | ({ is: "read" } & Chosen)
  | { is: "skipped"; why: string }
  | { is: "not asked for" }
  | { is: "the recipe" };

/** @param name relative to the source. Throws if the name says two things */
export interface Choose {
  (name: string): Choice;
  /** The dictionary's tables. */
  readonly tables: readonly TableName[];
}

/** How deep folders are looked into, below the source. */
export const FOLDER_DEPTH_MAX = 64;
/** How many files and folders of a source are looked at. */
export const ENTRIES_MAX = 1_000_000;
/** How many files of all sources together are read by one import. Each is kept in memory with its name. */
const FILES_MAX = 50_000;

/** An error about a source with over ENTRIES_MAX entries. @param where its name */
export function tooMany(where: string): MusterError {
  const what = `has over ${ENTRIES_MAX} files and folders`;
  return new MusterError("invalid", `${escaped(where)} ${what}: import its folders one by one`);
}

/** @throws MusterError `invalid` if there are over FILES_MAX files */
export function assertFewFiles({ length }: readonly ChosenFile[]): void {
  if (length <= FILES_MAX) return;
  throw new MusterError("invalid", `there are over ${FILES_MAX} files to read: import their folders one by one`);
}

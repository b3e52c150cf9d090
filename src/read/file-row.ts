/** What every reader of a file format is given, and the rows that it yields. */
import type { ReadRow, Table } from "../codecs/tables.ts";
import type { FileRecipe } from "./recipes/recipe.ts";

/** A row of a file, with what is logged if it is rejected. */
export interface FileRow extends ReadRow {
  /** 1-based: the first physical line of a CSV record, the line of a JSON row, the number of an Avro record. */
  readonly position: number;
  /** Its bytes as they came; an Avro record as JSON. Often a getter: few rows need it. */
  readonly raw: Uint8Array;
  /** The columns of its cells, if it is a CSV record. */
  readonly columns?: string[];
  /** How its file is read, if not by the strict default: `raw` can only be read again by it. */
  readonly recipe?: FileRecipe | undefined;
}

/**
 * Reads a file's rows in batches.
 * @param chunks the file's bytes, already unpacked
 * @param name what the file is called in an error
 * @throws MusterError `refused` if the file cannot be read in this format. Passes on what `chunks` throws
 */
export type ReadRows = (
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options?: ReadOptions,
) => AsyncGenerator<FileRow[]>;

export interface ReadOptions {
  /** How the file is read, if not by the strict default. */
  recipe?: FileRecipe | undefined;
  /** Called with one line of text for each thing that is skipped in the file. */
  say?: ((line: string) => void) | undefined;
  /** How many bytes the blocks of an Avro file may unpack to, in all. */
  bytesMax?: number | undefined;
  /** Whether JSON rows may leave out their id, so that the database assigns one. In a file they may not. */
  keyOptional?: boolean | undefined;
}

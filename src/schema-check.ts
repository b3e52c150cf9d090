/**
 * Builds the dictionary of src/db/schema.ts. Every program of Muster imports this, and passes the dictionary to what needs it.
 * If the schema has a table that Muster cannot work with, the process ends here with one line and exit code 2, before anything
 * is written.
 *   usage by itself: bun src/schema-check.ts [--json]
 */
import { Dictionary } from "./codecs/dictionary.ts";
import * as schema from "./db/schema.ts";
import { MusterError } from "./errors.ts";

export const dictionary = checked();

function checked(): Dictionary {
  try {
    return new Dictionary(schema);
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    console.error(error.message);
    if (process.argv.includes("--json")) console.log(JSON.stringify({ status: "refused", error: error.message }));
    process.exit(2);
  }
}

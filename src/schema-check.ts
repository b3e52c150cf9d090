/**
 * Every program of Muster imports this first. If the schema has a table that Muster cannot work with, the process ends here
 * with one line and exit code 2, before anything is written. Without this, the error would come while other modules are loaded
 * and build their validators: too early for any code to catch it.
 *   usage by itself: bun src/schema-check.ts [--json]
 */
import { buildTables } from "./codecs/dictionary.ts";
import * as schema from "./db/schema.ts";
import { MusterError } from "./errors.ts";

try {
  buildTables(schema);
} catch (error) {
  if (!(error instanceof MusterError)) throw error;
  console.error(error.message);
  if (process.argv.includes("--json")) console.log(JSON.stringify({ status: "refused", error: error.message }));
  process.exit(2);
}

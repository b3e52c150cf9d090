import type { Dictionary } from "../codecs/dictionary.ts";
import type { Database } from "../db/database.ts";

/** The database, and the tables that Muster moves in it. */
export interface MusterDatabase extends Database {
  dictionary: Dictionary;
}

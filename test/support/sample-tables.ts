/** The tables of the sample, for tests that name all of their tables: the schema may have more. */
import { dictionary } from "../../src/codecs/tables.ts";

export const SAMPLE_TABLES = ["departments", "jobs", "hired_employees"] as const;

export const sampleTables = SAMPLE_TABLES.map((name) => dictionary.of(name));

/** The dictionary of src/db/schema.ts, for tests. */
import type { Table, TableName } from "../../src/codecs/tables.ts";
import { dictionary } from "../../src/schema-check.ts";

export { dictionary };

export const { tables, names: tableNames } = dictionary;

export const tableOf = (name: TableName): Table => dictionary.of(name);

/** The tables of the sample, for tests that name all of their tables: the schema may have more. */
export const SAMPLE_TABLES = ["departments", "jobs", "hired_employees"] as const;

export const sampleTables = SAMPLE_TABLES.map(tableOf);

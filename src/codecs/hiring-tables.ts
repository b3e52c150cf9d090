/**
 * The tables of hires: departments, jobs and hired_employees. The two reports and the sample are about them. They are offered
 * only if the dictionary has these tables: src/db/schema.ts may have any others instead.
 */
import { getTableColumns } from "drizzle-orm";
import type { MySqlColumn, MySqlTable } from "drizzle-orm/mysql-core";
import { MusterError } from "../errors.ts";
import type { Table } from "./tables.ts";

/** The columns that the reports read. `source` is the table itself. */
export interface HiringTables {
  departments: Source & { id: MySqlColumn; department: MySqlColumn };
  jobs: Source & { id: MySqlColumn; job: MySqlColumn };
  hires: Source & { datetime: MySqlColumn; department_id: MySqlColumn; job_id: MySqlColumn };
}
interface Source {
  source: MySqlTable;
}

/** Finds the tables of hires. Undefined if a table or a column is missing, or a column has a type that the reports cannot read. */
export function hiringTables(tables: readonly Table[]): HiringTables | undefined {
  const departments = columnsOf(tables, "departments", { id: ID, department: NAME });
  const jobs = columnsOf(tables, "jobs", { id: ID, job: NAME });
  const hires = columnsOf(tables, "hired_employees", { datetime: INSTANT, department_id: ID, job_id: ID });
  return departments && jobs && hires && { departments, jobs, hires };
}

/** Whether the sample's files fit the tables. They have no header, so the tables must have just these columns in this order. */
export function takesSample(tables: readonly Table[]): boolean {
  if (!hiringTables(tables)) return false;
  return Object.entries(SAMPLE_COLUMNS).every(
    ([name, columns]) => columnNames(tables.find((table) => table.name === name)) === columns,
  );
}

/** @param what cannot be done without these tables @throws MusterError `invalid` if the sample's files do not fit the tables */
export function requireSampleTables(tables: readonly Table[], what: string): HiringTables {
  const found = takesSample(tables) ? hiringTables(tables) : undefined;
  if (!found) throw new MusterError("invalid", `${what} is not possible: ${NO_HIRING_TABLES}`);
  return found;
}

/** Why the reports and the sample are missing. */
export const NO_HIRING_TABLES =
  "src/db/schema.ts has no tables departments, jobs and hired_employees with the columns of the sample";

const SAMPLE_COLUMNS = {
  departments: "id, department",
  jobs: "id, job",
  hired_employees: "id, name, datetime, department_id, job_id",
};
const columnNames = (table: Table | undefined) => table?.columns.map(({ name }) => name).join(", ");

const ID = /^(tiny|small|medium)?int\b/;
const NAME = /^(var)?char\b|text$/;
const INSTANT = /^(datetime|timestamp)\b/;

function columnsOf<Name extends string>(
  tables: readonly Table[],
  name: string,
  wanted: Record<Name, RegExp>,
): (Source & Record<Name, MySqlColumn>) | undefined {
  const source = tables.find((table) => table.name === name)?.source;
  if (!source) return undefined;
  const columns = getTableColumns(source);
  const found: Partial<Record<Name, MySqlColumn>> = {};
  for (const column in wanted) {
    const each = columns[column];
    if (!each || !wanted[column].test(each.getSQLType())) return undefined;
    found[column] = each;
  }
  return { source, ...(found as Record<Name, MySqlColumn>) };
}

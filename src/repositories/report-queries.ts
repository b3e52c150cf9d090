/** The reports. They count one year of hires in UTC, and read only the index hired_employees_report. */
import { type SQL, sql } from "drizzle-orm";
import type { HiringTables } from "../codecs/hiring-tables.ts";
import type { Database } from "../db/database.ts";

export interface QuarterlyHires {
  department: string;
  job: string;
  Q1: number;
  Q2: number;
  Q3: number;
  Q4: number;
}

/**
 * Employees hired in the year, by department, job and quarter. Pairs without a hire are left out. The rows are sorted by the
 * names of departments, then of jobs, in alphabetical order whatever their letter case. If names are equal, ids decide.
 */
export async function quarterlyHires({ db }: Database, tables: HiringTables, year: number): Promise<QuarterlyHires[]> {
  const [rows] = await db.execute(quarterly(tables, year, sql``));
  return rows as unknown as QuarterlyHires[];
}

/** A row of the quarterly report with the ids of its department and job, because names may be equal. */
export interface PairHires extends QuarterlyHires {
  department_id: number;
  job_id: number;
}

/** The same report as quarterlyHires, with ids. */
export async function hiresByPair({ db }: Database, tables: HiringTables, year: number): Promise<PairHires[]> {
  const { departments, jobs } = tables;
  const ids = sql`, ${departments.id} as department_id, ${jobs.id} as job_id`;
  const [rows] = await db.execute(quarterly(tables, year, ids));
  return rows as unknown as PairHires[];
}

/** @param more columns to add, each with a comma before it */
function quarterly({ departments, jobs, hires }: HiringTables, year: number, more: SQL): SQL {
  // Names are joined to the groups, not to the hires: so few are looked up, and departments with the same name stay apart.
  return sql`
    select ${departments.department} as department, ${jobs.job} as job, counted.Q1, counted.Q2, counted.Q3, counted.Q4${more}
    from (
      select ${hires.department_id}, ${hires.job_id},
        ${hiresIn(1, hires)} as Q1, ${hiresIn(2, hires)} as Q2, ${hiresIn(3, hires)} as Q3, ${hiresIn(4, hires)} as Q4
      from ${hires.source}
      where ${within(year, hires)}
      group by ${hires.department_id}, ${hires.job_id}
    ) as counted
    join ${departments.source} on ${departments.id} = counted.department_id
    join ${jobs.source} on ${jobs.id} = counted.job_id
    order by ${departments.department} ${ALPHABETICAL}, ${jobs.job} ${ALPHABETICAL}, ${departments.id}, ${jobs.id}`;
}

export interface DepartmentHires {
  id: number;
  department: string;
  hired: number;
}

/**
 * Departments that hired more in the year than the mean of all departments. The mean includes those that hired nobody. The
 * most hires come first; if they are equal, the lower id.
 */
export async function departmentsAboveMean(
  { db }: Database,
  { departments, hires }: HiringTables,
  year: number,
): Promise<DepartmentHires[]> {
  // The same as hired > total / departments, but without the division, which would round.
  const [rows] = await db.execute(sql`
    with counted as (${perDepartment(hires, year)})
    select ${departments.id} as id, ${departments.department} as department, counted.hired
    from counted
    join ${departments.source} on ${departments.id} = counted.department_id
    where counted.hired * (select count(*) from ${departments.source}) > (select sum(hired) from counted)
    order by counted.hired desc, ${departments.id}`);
  return rows as unknown as DepartmentHires[];
}

/** Departments beside the mean of all: those above it are the report of departmentsAboveMean. */
export interface DepartmentsByHires {
  /** The most hires come first; if they are equal, the lower id. Departments without a hire come last. */
  departments: DepartmentHires[];
  /** How many departments there are, also beyond the limit. */
  count: number;
  /** How many of them hired somebody. */
  hiring: number;
  /** All hires of the year. The mean is `hires / count`. */
  hires: number;
}

/** Whether a department hired more than the mean, without a division that would round. */
export const isAboveMean = ({ hired }: DepartmentHires, { hires, count }: DepartmentsByHires): boolean =>
  hired * count > hires;

/** All departments with their hires in the year, up to `limit` of them. */
export async function departmentsByHires(
  { db }: Database,
  { departments, hires }: HiringTables,
  { year, limit }: { year: number; limit: number },
): Promise<DepartmentsByHires> {
  const [found] = await db.execute(sql`
    with counted as (${perDepartment(hires, year)})
    select ${departments.id} as id, ${departments.department} as department, coalesce(counted.hired, 0) as hired,
      count(*) over () as departments, count(counted.hired) over () as hiring, (select sum(hired) from counted) as hires
    from ${departments.source}
    left join counted on counted.department_id = ${departments.id}
    order by counted.hired desc, ${departments.id}
    limit ${limit}`);
  // SUM arrives as text, or as null if nobody was hired.
  const rows = found as unknown as (DepartmentHires & { departments: number; hiring: number; hires: string | null })[];
  const [first] = rows;
  return {
    departments: rows.map(({ id, department, hired }) => ({ id, department, hired })),
    ...{ count: first?.departments ?? 0, hiring: first?.hiring ?? 0, hires: Number(first?.hires ?? 0) },
  };
}

type Hires = HiringTables["hires"];

const perDepartment = (hires: Hires, year: number): SQL =>
  sql`select ${hires.department_id}, count(*) as hired from ${hires.source} where ${within(year, hires)} group by ${hires.department_id}`;

/** From the start of the year to before the start of the next. After 9999 there is no year to compare with, and no hire. */
function within(year: number, { datetime }: Hires): SQL {
  const from = sql`${datetime} >= ${`${year}-01-01 00:00:00`}`;
  return year === 9999 ? from : sql`${from} and ${datetime} < ${`${year + 1}-01-01 00:00:00`}`;
}

/** Uses COUNT, because its result arrives as a number. SUM arrives as text, and takes twice as long on MariaDB. */
const hiresIn = (quarter: number, { datetime }: Hires): SQL =>
  sql`count(case when quarter(${datetime}) = ${quarter} then 1 end)`;

/** Both MySQL and MariaDB have this collation. So they agree on the order, whatever collation the columns have. */
const ALPHABETICAL = sql`collate utf8mb4_unicode_ci`;

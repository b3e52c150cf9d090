/**
 * The data dictionary. The migrations, validators, CSV columns, Avro schemas and routes are derived from this file: to add
 * a table, add it here and run `bun run generate` (docs/adding-a-table.md).
 */
import { datetime, index, int, mysqlTable, varchar } from "drizzle-orm/mysql-core";

export const departments = mysqlTable("departments", {
  id: int("id").autoincrement().primaryKey(),
  department: varchar("department", { length: 255 }).notNull(),
});

export const jobs = mysqlTable("jobs", {
  id: int("id").autoincrement().primaryKey(),
  job: varchar("job", { length: 255 }).notNull(),
});

export const hired_employees = mysqlTable(
  "hired_employees",
  {
    id: int("id").autoincrement().primaryKey(),
    name: varchar("name", { length: 255 }).notNull(),
    datetime: datetime("datetime", { mode: "string", fsp: 3 }).notNull(),
    department_id: int("department_id")
      .notNull()
      .references(() => departments.id),
    job_id: int("job_id")
      .notNull()
      .references(() => jobs.id),
  },
  (table) => [
    // Both reports read only this index (department and year, then job). The foreign key of department_id uses it, too.
    index("hired_employees_report").on(table.department_id, table.datetime, table.job_id),
    // Only the foreign key of job_id needs this index.
    index("hired_employees_job").on(table.job_id),
  ],
);

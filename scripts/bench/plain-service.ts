/**
 * A peer of the insert and read benches: the service that most teams would write with Hono, zod and drizzle. It checks the form
 * of each row, and leaves the rest to the database: one bad row refuses its whole batch.
 *   usage: bun scripts/bench/plain-service.ts SOCKET
 */
import { zValidator } from "@hono/zod-validator";
import { asc, gt } from "drizzle-orm";
import { datetime, int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import { drizzle } from "drizzle-orm/mysql2";
import { Hono } from "hono";
import { createPool } from "mysql2/promise";
import { z } from "zod";
import { CONNECTIONS, ROWS_PER_BATCH, ROWS_PER_PAGE } from "./batches.ts";

const [socketPath = ""] = process.argv.slice(2);
const pool = createPool({ socketPath, user: "root", database: "muster", timezone: "Z", connectionLimit: CONNECTIONS });
const db = drizzle({ client: pool });

const hiredEmployees = mysqlTable("hired_employees", {
  id: int().autoincrement().primaryKey(),
  name: varchar({ length: 255 }).notNull(),
  datetime: datetime({ fsp: 3 }).notNull(),
  department_id: int().notNull(),
  job_id: int().notNull(),
});

const newRows = z
  .array(
    z.object({
      name: z.string().min(1).max(255),
      datetime: z.iso.datetime().transform((text) => new Date(text)),
      department_id: z.number().int().positive(),
      job_id: z.number().int().positive(),
    }),
  )
  .min(1)
  .max(ROWS_PER_BATCH);

const page = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(ROWS_PER_PAGE),
  cursor: z.coerce.number().int().min(0).default(0),
});

const app = new Hono()
  .post("/hired_employees", zValidator("json", newRows), async (c) => {
    const rows = c.req.valid("json");
    await db.insert(hiredEmployees).values(rows);
    return c.json({ inserted: rows.length }, 201);
  })
  .get("/hired_employees", zValidator("query", page), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const { id } = hiredEmployees;
    const rows = await db.select().from(hiredEmployees).where(gt(id, cursor)).orderBy(asc(id)).limit(limit);
    return c.json({ rows, next: rows.length === limit ? rows.at(-1)?.id : null });
  });

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
console.log(`serves ${server.url.origin}`);

import { sql } from "drizzle-orm";
import journal from "../../drizzle/meta/_journal.json";
import type { Database } from "../db/database.ts";
import { driverError } from "../db/driver-errors.ts";

/** How many of drizzle/'s migrations the database lacks. @throws the driver's error where it does not answer */
export async function countPendingMigrations({ db }: Database): Promise<number> {
  const [rows] = await db.execute(sql`select created_at as applied from __drizzle_migrations`).catch((error) => {
    if (driverError(error)?.code === "ER_NO_SUCH_TABLE") return [[]];
    throw error;
  });
  const applied = new Set((rows as unknown as { applied: number }[]).map((row) => Number(row.applied)));
  return journal.entries.filter(({ when }) => !applied.has(when)).length;
}

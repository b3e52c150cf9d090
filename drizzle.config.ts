import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { defineConfig } from "drizzle-kit";

/** The other commands compare files alone, and start no server. */
const ONLINE = ["migrate", "push", "pull", "introspect", "studio"];

// drizzle-kit reads this file first, so a schema that Muster cannot move is refused before a migration is written.
bun("src/schema-check.ts");

export default defineConfig({
  dialect: "mysql",
  schema: ["./src/db/schema.ts", "./src/db/ledger.ts"],
  out: "./drizzle",
  // As src/db/migrations.ts: the journal of an adopted database has a name of its own.
  migrations: { table: existsSync("drizzle/0001_adopted.sql") ? "__muster_migrations" : "__drizzle_migrations" },
  ...(ONLINE.includes(process.argv[2] ?? "")
    ? { dbCredentials: { url: bun("scripts/database.ts", String(process.pid)) } }
    : {}),
});

/**
 * What a script prints. drizzle-kit may be run by Node.js, and loads this file as CommonJS: what only Bun can do, and what
 * must be awaited, is done by a process of its own. If that fails, it has said why, and drizzle-kit ends with its exit code.
 */
function bun(...args: string[]): string {
  const PATH = [resolve("node_modules/.bin"), process.env.PATH].join(delimiter);
  try {
    return execFileSync("bun", args, {
      env: { ...process.env, PATH },
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
    }).trim();
  } catch (error) {
    process.exit((error as { status?: number }).status ?? 1);
  }
}

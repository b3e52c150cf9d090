import { execFileSync } from "node:child_process";
import { delimiter, resolve } from "node:path";
import { defineConfig } from "drizzle-kit";

/** The other commands compare files alone, and start no server. */
const ONLINE = ["migrate", "push", "pull", "introspect", "studio"];

export default defineConfig({
  dialect: "mysql",
  schema: ["./src/db/schema.ts", "./src/db/ledger.ts"],
  out: "./drizzle",
  ...(ONLINE.includes(process.argv[2] ?? "") ? { dbCredentials: { url: databaseUrl() } } : {}),
});

/** drizzle-kit may be run by Node.js, and loads this file as CommonJS: what must be awaited is done by a process of its own. */
function databaseUrl(): string {
  const PATH = [resolve("node_modules/.bin"), process.env.PATH].join(delimiter);
  try {
    return execFileSync("bun", ["scripts/database.ts", String(process.pid)], {
      env: { ...process.env, PATH },
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
    }).trim();
  } catch {
    process.exit(1); // it said why
  }
}

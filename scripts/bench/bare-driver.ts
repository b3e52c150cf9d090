/**
 * The main peers of the insert, read and report benches: the driver and nothing else. They check and log nothing.
 *   usage: bun scripts/bench/bare-driver.ts insert SOCKET FILE | read SOCKET | report SOCKET STATEMENT_AS_JSON
 */
import { type ConnectionOptions, createConnection, createPool } from "mysql2/promise";
import { CONNECTIONS, readBatches, timedBatches, timedReports } from "./batches.ts";

const [bench = "", socketPath = "", what = ""] = process.argv.slice(2);
const COLUMNS = ["name", "datetime", "department_id", "job_id"];
const options: ConnectionOptions = { socketPath, user: "root", database: "muster", timezone: "Z", dateStrings: true };
if (bench === "read") servePages();
else {
  await (bench === "insert" ? insert(what) : report(JSON.parse(what)));
  process.exit(0);
}

/** Multi-row prepared INSERTs, one after the other on each connection. */
async function insert(file: string): Promise<void> {
  const batches = (await readBatches(file)).map((batch) => batch.flat());
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => createConnection(options)));
  const row = `(${COLUMNS.map(() => "?").join(", ")})`;
  await timedBatches(batches, async (values, index) => {
    const rows = new Array(values.length / COLUMNS.length).fill(row).join(", ");
    const statement = `INSERT INTO hired_employees (${COLUMNS.join(", ")}) VALUES ${rows}`;
    await connections[index]?.execute(statement, values);
  });
}

/** Serves pages. Its statement is that of Muster's pages (src/repositories/rows.ts): it reads one row more than a page has. */
function servePages(): void {
  const pool = createPool({ ...options, connectionLimit: CONNECTIONS });
  const statement =
    "SELECT `id`, `name`, `datetime`, `department_id`, `job_id` FROM `hired_employees` WHERE `id` > ? ORDER BY `id` LIMIT ?";
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { searchParams } = new URL(request.url);
      const limit = Number(searchParams.get("limit"));
      const [rows] = await pool.query(statement, [Number(searchParams.get("cursor")), limit + 1]);
      return Response.json((rows as unknown[]).slice(0, limit));
    },
  });
  console.log(`serves ${server.url.origin}`);
}

async function report({ query, parameters }: { query: string; parameters: unknown[] }): Promise<void> {
  const connection = await createConnection(options);
  await timedReports(() => connection.query(query, parameters));
}

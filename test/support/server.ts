/** The server of all tests: a private one, started before the first test file and stopped after the last. */
import { afterAll } from "bun:test";
import { connectOnce } from "../../src/db/database.ts";
import { server } from "./joined-server.ts";

export { mysqld, program, server, UNSAFE_BUT_QUICK } from "./joined-server.ts";

console.log(`Tests run on ${server.version}`);
await dropLeftovers();

/** The database of test/acceptance, whose service is a process of its own and creates it. */
const acceptance = server.url.replace("/muster?", `/test_${process.pid}_acceptance?`);
process.env.ACCEPTANCE_DATABASE_URL = acceptance;

afterAll(async () => {
  const connection = await connectOnce(server.url);
  await connection.query("DROP DATABASE IF EXISTS ??", [`test_${process.pid}_acceptance`]);
  await connection.end();
  await server.stop();
}, 600_000);

/** Drops databases of earlier tests. Their names have the id of the process that made them (database.ts). */
async function dropLeftovers(): Promise<void> {
  const connection = await connectOnce(server.url);
  const [rows] = await connection.query(
    "SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE 'test\\_%'",
  );
  for (const { name } of rows as { name: string }[]) {
    const pid = Number(name.split("_")[1]);
    if (pid === process.pid || !alive(pid)) await connection.query("DROP DATABASE IF EXISTS ??", [name]);
  }
  await connection.end();
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

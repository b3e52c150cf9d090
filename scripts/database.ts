/**
 * For drizzle.config.ts: applies the migrations, as every command does, and prints the URL that drizzle-kit connects to. A
 * background process (the keeper) keeps the private server running until drizzle-kit ends.
 *   usage: bun scripts/database.ts PROCESS_ID_OF_DRIZZLE_KIT
 */
import "../src/schema-check.ts";
import { DATA_FOLDER } from "../src/config.ts";
import { connectOnce } from "../src/db/database.ts";
import { migrate } from "../src/db/migrate.ts";
import { type PasswordSource, passwordSource } from "../src/db/password.ts";
import { parseUrl } from "../src/db/url.ts";
import { joinServer } from "../src/embedded/server.ts";
import { alive } from "../src/embedded/server-process.ts";
import { say } from "./progress.ts";
import { finish } from "./run-command.ts";

const POLL_MS = 200;

const [asker = "", role] = process.argv.slice(2);
await finish(async ({ config }) => {
  const { DATABASE_URL, MUSTER_MYSQLD } = config;
  const password = passwordSource(config);
  if (DATABASE_URL !== undefined) await prepare(DATABASE_URL, password);
  else if (role === "keeper") await keep(Number(asker), MUSTER_MYSQLD);
  else await startKeeper();
  return { status: "succeeded" };
});

async function prepare(url: string, password?: PasswordSource): Promise<void> {
  await migrate(url, password);
  console.log(await driverUrl(url, password));
}

async function keep(pid: number, mysqld: string | undefined): Promise<void> {
  const server = await joinServer(DATA_FOLDER, { mysqld, say });
  try {
    await prepare(server.url);
    while (alive(pid)) await Bun.sleep(POLL_MS);
  } finally {
    await server.stop();
  }
}

async function startKeeper(): Promise<void> {
  const keeper = Bun.spawn([process.execPath, import.meta.path, asker, "keeper"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    detached: true,
  });
  const { value: url } = await keeper.stdout.getReader().read();
  if (url === undefined) process.exit(await keeper.exited);
  await Bun.write(Bun.stdout, url);
  process.exit(0);
}

/** The URL as the driver spells it: with one host, and with the TLS options as JSON. */
async function driverUrl(url: string, password?: PasswordSource): Promise<string> {
  const { database, options } = parseUrl(url);
  const connection = await connectOnce(url, password);
  const { host, port, socketPath, password: given } = connection.config;
  await connection.end();
  const parameters = new URLSearchParams();
  if (socketPath) parameters.set("socketPath", socketPath);
  // JSON.stringify() passes a Buffer, such as the CA's certificate, as {type, data}.
  const asText = (_: string, part: { type?: string; data?: number[] } | undefined) =>
    part?.type === "Buffer" && part.data ? Buffer.from(part.data).toString() : part;
  if (options.ssl) parameters.set("ssl", JSON.stringify(options.ssl, asText));
  if (options.ssl) parameters.set("enableCleartextPlugin", "true");
  const login = [options.user, given].map((part) => encodeURIComponent(part ?? "")).join(":");
  const address = host?.includes(":") ? `[${host}]` : (host ?? "localhost");
  return `mysql://${login}@${address}:${port ?? 3306}/${encodeURIComponent(database)}?${parameters}`;
}

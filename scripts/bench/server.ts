/** The private database server of the benches, and the client programs that belong to it. */
import { basename, dirname, join } from "node:path";
import type { Connection } from "mysql2/promise";
import { connectOnce } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { findProgram, type ServerProgram } from "../../src/embedded/mysqld.ts";
import { joinServer } from "../../src/embedded/server.ts";

/** Muster and its peers get the same server. A commit waits for the disk, since that is the default of MySQL and MariaDB. */
const SERVER_OPTIONS = [
  "--innodb-buffer-pool-size=1G",
  // The size of the redo log. The first is MariaDB's name of the option, the second MySQL's.
  "--loose-innodb-log-file-size=1G",
  "--loose-innodb-redo-log-capacity=1G",
  // A value for an SSD. It is MySQL's default since 8.4.
  "--innodb-io-capacity=10000",
];

export type ClientName = "mysql" | "mysqldump" | "mysqlimport";

/** The names of each client program, and the Debian package that has it. */
const CLIENTS: Record<ServerProgram["kind"], Record<ClientName, { names: string[]; from: string }>> = {
  MySQL: {
    mysql: { names: ["mysql"], from: "mysql-client" },
    mysqldump: { names: ["mysqldump"], from: "mysql-client" },
    mysqlimport: { names: ["mysqlimport"], from: "mysql-client" },
  },
  MariaDB: {
    mysql: { names: ["mariadb", "mysql"], from: "mariadb-client-core" },
    mysqldump: { names: ["mariadb-dump", "mysqldump"], from: "mariadb-client" },
    mysqlimport: { names: ["mariadb-import", "mysqlimport"], from: "mariadb-client" },
  },
};

/**
 * The server programs to measure on, one of each kind: `mysqld` if it is given, otherwise the first that is installed.
 * @throws MusterError as findProgram() does if no server is installed
 */
export async function findServers(mysqld: string | undefined, say: (line: string) => void): Promise<ServerProgram[]> {
  const given = mysqld === undefined ? [] : [await findProgram(mysqld, say)];
  const places = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/libexec", "/usr/local/mysql/bin"];
  const paths = places.flatMap((place) => [join(place, "mysqld"), join(place, "mariadbd")]);
  const found = [...given];
  for (const path of paths.filter((each) => Bun.which(each) !== null)) {
    const program = await findProgram(path, say);
    if (!found.some(({ kind }) => kind === program.kind)) found.push(program);
  }
  return found.length > 0 ? found : [await findProgram(undefined, say)];
}

/** Starts a server with its data in `folder`, which the caller removes. */
export async function startServer(
  program: ServerProgram,
  folder: string,
  { say, signal }: { say(line: string): void; signal: AbortSignal },
) {
  const { url, version, stop } = await joinServer(folder, { mysqld: program.path, say, args: SERVER_OPTIONS });
  const connection = await connectOnce(url).catch(async (error) => {
    await stop();
    throw error;
  });
  const run = async (statement: string) => {
    const [rows] = await connection.query(statement);
    return rows as Record<string, unknown>[];
  };
  const socket = decodeURIComponent(url.split("socket=")[1] ?? "");
  return {
    kind: program.kind,
    /** Such as "MySQL 9.7.4". */
    version,
    /** DATABASE_URL of the database. */
    url,
    socket,
    run,
    client: (name: ClientName) => clientOf(program, socket, name),
    /** Drops the database, and makes it again with empty tables. */
    async reset() {
      await run("DROP DATABASE IF EXISTS muster");
      await migrate(url);
      await run("USE muster");
    },
    /** Waits until the server is idle: after deletes it still purges rows and writes pages for a while. */
    settle: () => settle(connection, signal),
    async stop() {
      // Stop fast: nobody starts this server again, so it need not write its pages.
      await run("SET GLOBAL innodb_fast_shutdown = 2").catch(() => {});
      connection.destroy();
      await stop();
    },
  };
}

export type BenchServer = Awaited<ReturnType<typeof startServer>>;

/** The name of the server's own client, and the command that runs it. If it is not installed, the name says so instead. */
function clientOf({ path, kind }: ServerProgram, socket: string, client: ClientName) {
  const { names, from } = CLIENTS[kind][client];
  // The client lies beside the server, in the bin folder beside the server's folder, or on PATH.
  const places = [dirname(path), join(dirname(path), "../bin"), process.env.PATH ?? ""].join(":");
  const program = names.map((name) => Bun.which(name, { PATH: places })).find((found) => found !== null);
  if (!program) return { name: `${names.join(" or ")} is missing (package ${from})`, command: undefined };
  return { name: basename(program), command: [program, "--no-defaults", `--socket=${socket}`, "--user=root"] };
}

const SETTLE_MS_MAX = 120_000;
const SETTLE_EVERY_MS = 200;
/**
 * An idle server reads and writes fewer pages than this in SETTLE_EVERY_MS. A server that purges deleted rows does thousands.
 */
const IDLE_PAGES_MAX = 200;

async function settle(connection: Connection, signal: AbortSignal): Promise<void> {
  const end = performance.now() + SETTLE_MS_MAX;
  let before = await pagesTouched(connection);
  for (let idle = 0; idle < 2 && performance.now() < end; ) {
    await Bun.sleep(SETTLE_EVERY_MS);
    signal.throwIfAborted();
    const now = await pagesTouched(connection);
    idle = now - before <= IDLE_PAGES_MAX ? idle + 1 : 0;
    before = now;
  }
  // This is the only statement that writes a table's pages to the disk and waits until they are written.
  await connection.query("FLUSH TABLES departments, jobs, hired_employees FOR EXPORT");
  await connection.query("UNLOCK TABLES");
}

async function pagesTouched(connection: Connection): Promise<number> {
  const [rows] = await connection.query(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_buffer_pool_read_requests', 'Innodb_pages_written')",
  );
  return (rows as { Value: string }[]).reduce((sum, { Value }) => sum + Number(Value), 0);
}

/** A server for one test file, which may do anything to it, with a plain user who has few rights. */
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import type { ConnectOptions } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { joinServer } from "../../src/embedded/server.ts";
import type { MusterDatabase } from "../../src/repositories/muster-database.ts";
import { connect } from "./database.ts";
import { folderOf } from "./files.ts";
import { mysqld, UNSAFE_BUT_QUICK } from "./server.ts";

/** Starts the server. Call stop() before removeFolders(). */
export async function ownServer(args: string[] = []) {
  const folder = await folderOf({});
  const own = await joinServer(join(folder, "server"), { mysqld, say: () => {}, args: [...UNSAFE_BUT_QUICK, ...args] });
  const socket = new URL(own.url).searchParams.get("socket") ?? "";
  const root = await createConnection({ socketPath: socket, user: "root", charset: "utf8mb4_unicode_ci" });
  await root.query("CREATE USER plain@'%' IDENTIFIED BY 'pass'");
  await root.query("GRANT ALL ON `plain%`.* TO plain@'%'");
  let databases = 0;
  /** The URL of the newest database for the plain user: through the socket, or at an address. */
  const url = (address = `localhost/plain${databases}?socket=${encodeURIComponent(socket)}`) =>
    `mysql://plain:pass@${address}`;
  return {
    ...{ folder, socket, root, url },
    name: () => `plain${databases}`,
    /** Makes a database for the plain user, and opens it as a command does. */
    async open(options: ConnectOptions = {}): Promise<MusterDatabase> {
      databases++;
      await root.query(`CREATE DATABASE plain${databases} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
      await migrate(url());
      return connect(url(), options);
    },
    async stop(): Promise<void> {
      await root.end();
      await own.stop();
    },
  };
}

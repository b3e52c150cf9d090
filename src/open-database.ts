/** The database as commands and the service use it: brought up where it is ours, migrated, connected. */
import type { Capability } from "./config.ts";
import { connect, type Database } from "./db/database.ts";
import { migrate } from "./db/migrate.ts";
import type { Use } from "./db/rights.ts";
import { joinServer } from "./embedded/server.ts";
import { MusterError } from "./errors.ts";

export interface OpenOptions {
  /** DATABASE_URL; undefined for a private server. */
  url: string | undefined;
  /** Where the private server keeps its data. */
  folder: string;
  /** The private server's program (MUSTER_MYSQLD). */
  mysqld: string | undefined;
  /** What is not made use of (MUSTER_CAPABILITIES). */
  capabilities: readonly Capability[];
  /** Connections of the pool (DATABASE_CONNECTIONS). */
  connections: number;
  /** What the database is opened for. */
  use: Use;
  say(line: string): void;
}

export interface OpenDatabase extends Database {
  /** Whether the server is Muster's own. */
  embedded: boolean;
}

/**
 * Opens the database that `url` names, or that of the private server in `folder`, with every migration applied. close()
 * ends the connections and leaves the private server.
 * @throws MusterError as joinServer(), migrate() and connect() do, and `refused` if the database cannot be used so, with the
 *   statement that mends it; nothing stays open then
 */
export async function openDatabase({
  url,
  folder,
  mysqld,
  capabilities,
  connections,
  use,
  say,
}: OpenOptions): Promise<OpenDatabase> {
  const server = url === undefined ? await joinServer(folder, { mysqld, say }) : undefined;
  try {
    const address = url ?? server?.url ?? "";
    await migrate(address);
    const database = await connect(address, { capabilities, connections });
    const close = async () => {
      try {
        await database.close();
      } finally {
        await server?.stop();
      }
    };
    const refusal = database.look.refusal(use);
    if (refusal) {
      await database.close();
      throw new MusterError("refused", refusal.located ?? refusal.message);
    }
    return { ...database, embedded: server !== undefined, close };
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

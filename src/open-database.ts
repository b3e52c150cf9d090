/** Opens the database for a command or the service: starts the private server if it is needed, migrates and connects. */
import type { Dictionary } from "./codecs/dictionary.ts";
import { type Config, DATA_FOLDER } from "./config.ts";
import { connect } from "./db/database.ts";
import { migrate } from "./db/migrate.ts";
import { passwordSource } from "./db/password.ts";
import type { Use } from "./db/rights.ts";
import { joinServer } from "./embedded/server.ts";
import { MusterError } from "./errors.ts";
import type { MusterDatabase } from "./repositories/muster-database.ts";

export interface OpenDatabase extends MusterDatabase {
  /** Whether the server is Muster's own. */
  embedded: boolean;
}

/**
 * Opens the database of DATABASE_URL, or of the private server, with every migration applied. close() ends the connections. It
 * also leaves the private server, which stops if no other process uses it.
 * @param dictionary the tables in it that Muster moves
 * @param use what the database is opened for
 * @throws MusterError as passwordSource(), joinServer(), migrate() and connect() do, and `refused` if the database cannot be used for this, with
 *   the statement that corrects it. After an error nothing is left open
 */
export async function openDatabase(
  settings: Config,
  { dictionary, use, say }: { dictionary: Dictionary; use: Use; say(line: string): void },
): Promise<OpenDatabase> {
  const { DATABASE_URL, DATABASE_CONNECTIONS: connections, MUSTER_MYSQLD: mysqld } = settings;
  const password = passwordSource(settings);
  const server = DATABASE_URL === undefined ? await joinServer(DATA_FOLDER, { mysqld, say }) : undefined;
  try {
    const address = DATABASE_URL ?? server?.url ?? "";
    await migrate(address, password);
    const database = await connect(address, { capabilities: settings.MUSTER_CAPABILITIES, connections, password });
    const close = async () => {
      try {
        await database.close();
      } finally {
        await server?.stop();
      }
    };
    const refusal = database.readiness.refusal(use);
    if (refusal) {
      await database.close();
      throw new MusterError("refused", refusal.located ?? refusal.message);
    }
    return { ...database, dictionary, embedded: server !== undefined, close };
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

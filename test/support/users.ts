/** Users of the tests' server with few rights, and databases of other programs there. */
import { connectOnce } from "../../src/db/database.ts";
import { dropDatabase, freshUrl } from "./database.ts";
import { server } from "./server.ts";

const made: string[] = [];
const databases: string[] = [];

/** Runs statements as the server's administrator. */
export async function asAdministrator(...statements: string[]): Promise<void> {
  const connection = await connectOnce(server.url);
  for (const statement of statements) await connection.query(statement);
  await connection.end();
}

/**
 * Makes a user with these rights, each as what stands between GRANT and TO.
 * @returns the URL of the database for that user
 */
export async function userWith(url: string, ...grants: string[]): Promise<{ name: string; url: string }> {
  const name = `u${process.pid}_${made.length}`;
  made.push(name);
  await asAdministrator(`CREATE USER ${name}@localhost`, ...grants.map((each) => `GRANT ${each} TO ${name}@localhost`));
  return { name, url: url.replace("//root@", `//${name}@`) };
}

/** Makes an empty database of another program on the same server. @returns its name */
export async function otherDatabase(): Promise<string> {
  const url = freshUrl();
  const name = new URL(url).pathname.slice(1);
  databases.push(url);
  await asAdministrator(`CREATE DATABASE ${name}`);
  return name;
}

/** Call it before the test's own database is closed: tables of others may refer to that. */
export async function removeOthers(): Promise<void> {
  for (const url of databases.splice(0)) await dropDatabase(url);
  await asAdministrator(...made.splice(0).map((name) => `DROP USER IF EXISTS ${name}@localhost`));
}

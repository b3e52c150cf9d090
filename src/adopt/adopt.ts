/**
 * Adopts an existing database: finds out which of its tables can be moved, and writes src/db/schema.ts and drizzle/ for them.
 * The user's tables are only read.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Connection } from "mysql2/promise";
import { buildTables } from "../codecs/dictionary.ts";
import { connectOnce } from "../db/database.ts";
import { driverError, explainedError } from "../db/driver-errors.ts";
import { readFacts } from "../db/facts.ts";
import { quoted } from "../db/grants.ts";
import type { PasswordSource } from "../db/password.ts";
import { lackLine, lacksFor } from "../db/requirements.ts";
import { parseUrl } from "../db/url.ts";
import { MusterError } from "../errors.ts";
import { baseline } from "./baseline.ts";
import { type Choice, choose, type Load } from "./choose.ts";
import type { FoundDatabase } from "./found.ts";
import { prepare } from "./place.ts";
import { readDatabase } from "./read-database.ts";
import { readValues } from "./read-values.ts";
import { record, refuseSample } from "./record.ts";
import { schemaSource } from "./schema-source.ts";

export interface Adoption extends Choice {
  found: FoundDatabase;
  /** The new text of src/db/schema.ts. */
  schema: string;
  /** Writes the files, creates Muster's own tables, and records the user's as being there. */
  carryOut(): Promise<void>;
}

export interface AdoptOptions {
  url: string;
  /** Where the password comes from, if it is not in the URL. */
  password?: PasswordSource | undefined;
  /** The project's folder. */
  root: string;
  /** Adopt these tables only; all if the list is empty. */
  tables: readonly string[];
  /** Adopt none of these. */
  except: readonly string[];
}

/**
 * Reads the database and calls `decide` with what would be done.
 * @throws MusterError `refused` if nothing can be adopted, or if the server or the user's rights do not allow it
 */
export async function adopt<T>(options: AdoptOptions, decide: (adoption: Adoption) => Promise<T>): Promise<T> {
  const { database } = parseUrl(options.url);
  const connection = await connectOnce(options.url, options.password).catch((error) => {
    throw explainedError(error);
  });
  try {
    await use(connection, database);
    return await decide(await plan(connection, options));
  } catch (error) {
    throw explainedError(error);
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

async function use(connection: Connection, database: string): Promise<void> {
  try {
    await connection.query(`USE ${quoted(database)}`);
  } catch (error) {
    if (driverError(error)?.code !== "ER_BAD_DB_ERROR") throw error;
    const line = `there is no database "${database}" on the server: name an existing one in DATABASE_URL`;
    throw new MusterError("refused", line, { cause: error });
  }
}

async function plan(connection: Connection, { root, tables, except }: AdoptOptions): Promise<Adoption> {
  const { database } = await readFacts(connection);
  await refuseSample(connection, database);
  const found = await readDatabase(connection, database);
  refuseUnknown(found, [...tables, ...except]);
  const wanted = (name: string) => (tables.length === 0 || tables.includes(name)) && !except.includes(name);
  const load = loader(root);
  const choice = await choose(found, await readValues(connection, found), wanted, load);
  const schema = await formatted(root, schemaSource(choice.declared));
  if (choice.declared.length > 0) assertFit(await load(schema));
  return {
    ...choice,
    found,
    schema,
    async carryOut() {
      const facts = await readFacts(connection);
      // Muster's own tables name their character set, so that of the database does not matter.
      const variables = new Map(facts.variables).set("character_set_database", "utf8mb4");
      const lacks = lacksFor({ ...facts, variables }, "migrate");
      if (lacks.length > 0) throw new MusterError("refused", lacks.map(lackLine).join("\n"));
      const made = await baseline(found, choice.declared, await load(schema), Date.now());
      const { replace, clean } = await prepare(root, schema, made.files);
      try {
        await record(connection, database, made);
        await replace();
      } finally {
        await clean();
      }
    },
  };
}

/** Checks that the chosen tables fit together: two may differ in letter case alone. @throws MusterError `refused` */
function assertFit(module: object): void {
  try {
    buildTables(module);
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    throw new MusterError("refused", `${error.message}, or leave one out by --except`, { cause: error });
  }
}

function refuseUnknown({ name, tables, others }: FoundDatabase, given: readonly string[]): void {
  const known = [...tables, ...others].map((each) => each.name);
  const unknown = given.find((each) => !known.includes(each));
  if (unknown === undefined) return;
  throw new MusterError("invalid", `database "${name}" has no table ${unknown}: it has ${known.join(", ") || "none"}`);
}

/** Imports texts as modules. They lie beside schema.ts, so that they can import what it can. */
function loader(root: string): Load {
  let count = 0;
  return async (source) => {
    count += 1;
    const path = join(root, `src/db/schema-${process.pid}-${count}.adopting.ts`);
    try {
      await Bun.write(path, source);
      return await import(path);
    } finally {
      await rm(path, { force: true });
    }
  };
}

/** The text as the project's formatter would write it; as it is if there is no formatter. */
async function formatted(root: string, source: string): Promise<string> {
  const biome = join(root, "node_modules/.bin/biome");
  if (!(await Bun.file(biome).exists())) return source;
  const style = ["--indent-style=space", "--indent-width=2", "--line-width=120"];
  const args = ["format", ...style, "--stdin-file-path=src/db/schema.ts"];
  const child = Bun.spawn([biome, ...args], { cwd: root, stdin: new Blob([source]), stdout: "pipe", stderr: "ignore" });
  const text = await new Response(child.stdout).text();
  return (await child.exited) === 0 && text !== "" ? text : source;
}

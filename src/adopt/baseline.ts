/**
 * Makes the folder drizzle/ of an adopted database: `0000_muster` creates Muster's own tables, `0001_adopted` the user's. An
 * adopted database never runs the second. A new, empty database runs both, so that a backup can be restored there.
 */
import { createHash } from "node:crypto";
import { generateMySQLDrizzleJson, generateMySQLMigration } from "drizzle-kit/api";
import { quoted } from "../db/grants.ts";
import * as ledger from "../db/ledger.ts";
import { ADOPTED, type Migration } from "../db/migrations.ts";
import { CHARACTERS } from "../db/requirements.ts";
import type { FoundDatabase } from "./found.ts";
import type { Declared } from "./schema-source.ts";

export interface Baseline {
  /** The files by their paths within drizzle/. */
  files: Record<string, string>;
  own: Migration;
  adopted: Migration;
}

const BREAKPOINT = "--> statement-breakpoint\n";

/**
 * @param module the exports of the new src/db/schema.ts. drizzle-kit compares it with what a later version of it has
 * @param now when the migrations are made, in milliseconds
 */
export async function baseline(
  { name: database }: FoundDatabase,
  declared: readonly Declared[],
  module: object,
  now: number,
): Promise<Baseline> {
  const nothing = await generateMySQLDrizzleJson({});
  const first = await generateMySQLDrizzleJson({ ...ledger });
  const second = await generateMySQLDrizzleJson({ ...module, ...ledger }, first.id);
  const statements = await generateMySQLMigration(nothing, first);
  // The database's own character set may not hold every text.
  const creates = statements.map((statement) =>
    /^CREATE TABLE/.test(statement) ? statement.replace(/\);\s*$/, `) ${CHARACTERS};`) : statement,
  );
  const own = migration(OWN, creates, now - 1);
  const adopted = migration(ADOPTED, statementsOf(declared, database), now);
  const entries = [own, adopted].map(({ folderMillis: when, tag }, idx) => {
    return { idx, version: "5", when, tag, breakpoints: true };
  });
  return {
    own,
    adopted,
    files: {
      [`${OWN}.sql`]: own.sql.join(BREAKPOINT),
      [`${ADOPTED}.sql`]: adopted.sql.join(BREAKPOINT),
      "meta/0000_snapshot.json": jsonOf(first),
      "meta/0001_snapshot.json": jsonOf(second),
      "meta/_journal.json": jsonOf({ version: "7", dialect: "mysql", entries }),
    },
  };
}

const OWN = "0000_muster";

const jsonOf = (value: unknown) => JSON.stringify(value, null, 2);

/** A migration as Drizzle reads it from its file: the hash is that of the file. */
function migration(tag: string, statements: readonly string[], folderMillis: number): Migration {
  const sql = statements.map((statement) => `${statement}\n`);
  const hash = createHash("sha256").update(sql.join(BREAKPOINT)).digest("hex");
  return { tag, sql, hash, folderMillis, bps: true };
}

/**
 * The statements that create the declared tables as the server shows them: Drizzle cannot say collations, CHECKs of the
 * server's own, partitions, comments or the options of a table, and a table that is created again must not differ. Foreign
 * keys are added last, except those that refer to tables which are left out.
 */
function statementsOf(declared: readonly Declared[], database: string): string[] {
  const names = new Set(declared.map(({ table }) => table.name));
  const creates = declared.map(({ table }) => withoutForeignKeys(table.definition));
  const alters = declared.flatMap(({ table }) =>
    table.foreignKeys
      .filter(({ schema, parent }) => schema === database && names.has(parent))
      .flatMap(({ name }) => {
        const line = linesOf(table.definition).find((each) => FOREIGN_KEY.exec(each)?.[1] === quoted(name));
        return line === undefined ? [] : [`ALTER TABLE ${quoted(table.name)} ADD ${line.trim().replace(/,$/, "")};`];
      }),
  );
  return [...creates, ...alters];
}

const FOREIGN_KEY = /^ {2}CONSTRAINT (`(?:[^`]|``)+`) FOREIGN KEY /;
/** Matches only in the line of the table's options, because a column's comment may contain the same words. */
const NEXT_ID = /^(\) .*?) AUTO_INCREMENT=\d+/m;

const linesOf = (definition: string) => definition.split("\n");

function withoutForeignKeys(definition: string): string {
  const lines = linesOf(definition.replace(NEXT_ID, "$1")).filter((line) => !FOREIGN_KEY.test(line));
  // The line before the closing parenthesis ends without a comma.
  return `${lines.join("\n").replace(/,\n\) /, "\n) ")};`;
}

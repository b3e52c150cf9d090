/**
 * Every command with its flags, declared once. The parser, --help, the error messages and docs/commands.md are made from this.
 */
import { asCalled, BUILD } from "../src/build.ts";
import { AVRO_CODECS } from "../src/codecs/avro-container.ts";
import { settingsOf } from "../src/config.ts";
import type { RunKind } from "../src/db/ledger.ts";
import { rejectLimit } from "../src/ingest/reject-limit.ts";
import { DEFAULT_SAMPLE } from "../src/ingest/sample.ts";
import { type Help, helpText, isGiven, listOf, type Option, oneOf, text, wholeNumber } from "../src/options.ts";
import { RECIPE_FLAGS } from "../src/read/recipes/recipe-options.ts";
import { IF_RUNNING } from "../src/repositories/kind-turn.ts";
import { dictionary } from "../src/schema-check.ts";

interface Command extends Omit<Help, "usage" | "settings" | "recipe"> {
  /** It reads files, and takes the flags of RECIPE_FLAGS too. */
  takesRecipe?: boolean;
  /** The command's program, if that is not scripts/NAME.ts. */
  script?: string;
  /** Its arguments as --help shows them, one line for each way to call it. */
  forms: readonly string[];
}

const help = { type: isGiven, about: "show this text" };
const common = {
  quiet: { type: isGiven, about: "write nothing but errors to standard error, and show no progress" },
  json: {
    type: isGiven,
    about: "print one line of JSON and nothing else, also if the command is refused, fails or is interrupted",
  },
  help,
};
/** @param kind what must not run twice */
const ifRunning = (kind: RunKind) => ({
  value: IF_RUNNING.join("|"),
  type: oneOf(IF_RUNNING).optional(),
  about: `if another ${kind} is under way in this database: skip ends at once with exit code 4, wait waits for its end`,
  unset: "run beside it",
});
const TABLES = dictionary.names.join(", ");
/** Tables for the examples. Children come after their parents. */
const [PARENT, ONE = PARENT] = dictionary.names;
const CHILD = dictionary.names.at(-1) ?? PARENT;
export const BENCH_NAMES = ["import", "reload", "dialect", "backup", "restore", "insert", "read", "report"] as const;
export type BenchName = (typeof BENCH_NAMES)[number];

/** "5%" as 0.05. */
const share = text
  .transform((all) => Number(/^(\d{1,3}(?:\.\d+)?)%$/.exec(all)?.[1]))
  .refine((percent) => percent <= 100, "a share from 0% to 100%")
  .transform((percent) => percent / 100);

export const COMMANDS = {
  import: {
    forms: ["[SOURCE...] [options]"],
    about: `Imports files into their tables.

SOURCE is a directory, a file, s3://BUCKET/PREFIX/, s3://BUCKET/KEY, a pipe, or - for standard input. The default is
IMPORT_SOURCE; if that is not set either, the private server gets the sample. The name of a file or of a folder above it
says which table it is for: ${ONE}.csv, ${ONE}-2021.csv, ${ONE}/any.csv, ${ONE}/2021/11/any.csv. A pipe needs --table.
The ending says how a file is read: .csv .txt .tsv .ndjson .jsonl .json .avro .parquet .xlsx, also with .gz .zst .zip.
If a file is refused, "npm run inspect -- SOURCE" says how to read it.`,
    flags: {
      table: {
        value: "T",
        type: oneOf(dictionary.names).optional(),
        about: `import only the files of table T (one file or pipe may have any name): ${TABLES}`,
      },
      "dry-run": { type: isGiven, about: "say what would happen, and write nothing but the run" },
      "new-only": { type: isGiven, about: "read only files that no import of their table has read" },
      again: { type: isGiven, about: "with --new-only: also read files that have changed since they were imported" },
      "max-rejects": {
        value: "N|P%",
        type: text
          .transform(rejectLimit)
          .refine((limit) => limit !== undefined, "a number of rows, or a share from 0% to 100%")
          .optional(),
        about: "refuse the whole import if more rows than this are rejected",
      },
      rejects: {
        value: "FILE",
        type: text.optional(),
        about: "write the rejected rows to FILE, a CSV sheet to correct them in; replay FILE takes it back",
      },
      "fail-on-rejects": { type: isGiven, about: "end with exit code 3 if rows are rejected" },
      "if-running": ifRunning("import"),
      recipe: {
        value: "FILE",
        type: text.optional(),
        about: "read the files as this recipe says",
        unset: "muster.recipe.json beside the files, if there is one",
      },
      ...common,
    },
    takesRecipe: true,
    examples: [
      "npm run import -- ./csv",
      `npm run import -- ${ONE}.csv old/ s3://bucket/hr/`,
      `curl https://example.org/${ONE}.csv | npm run import -- - --table ${ONE}`,
      `npm run import -- s3://bucket/hr/ --table ${ONE} --dry-run`,
      "npm run import -- s3://bucket/nightly/ --new-only",
    ],
    exitCodes:
      "0 done, 1 failed, 2 refused, 3 done with rejected rows (only with --fail-on-rejects), 4 skipped, 130 interrupted.",
  },
  adopt: {
    forms: ["[options]"],
    about: `Takes up the database of DATABASE_URL, whose tables other programs have made. Writes src/db/schema.ts and drizzle/ for
the tables that can be moved, and says which cannot and why. Creates Muster's own tables (muster_...) beside them. The
tables themselves are only read.`,
    flags: {
      tables: { value: "T,T", type: listOf(text), about: "adopt only these tables" },
      except: { value: "T,T", type: listOf(text), about: "adopt all tables but these" },
      "dry-run": { type: isGiven, about: "say what would be adopted, and write nothing" },
      yes: { type: isGiven, about: "replace src/db/schema.ts and drizzle/ without asking" },
      ...common,
    },
    examples: [
      "DATABASE_URL=mysql://user:password@host/shop npm run adopt -- --dry-run",
      "npm run adopt -- --except log,cache --yes",
    ],
    exitCodes: "0 done, 1 failed, 2 refused (nothing was changed), 130 interrupted.",
  },
  inspect: {
    forms: ["SOURCE... [options]"],
    about: `Says what files are and how they would be read, with the evidence: format, encoding, delimiter, header, columns, numbers
and dates. Shows the first rows as they would be stored, and what is doubtful. Only the start of each file is read, and
nothing is stored.

SOURCE is as for import. A file whose name says no table is compared with all tables, unless --table names one.
What an option says is not looked for: so it confirms what is doubtful, and --save then keeps it.`,
    flags: {
      table: {
        value: "T",
        type: oneOf(dictionary.names).optional(),
        about: `inspect only the files of table T: ${TABLES}`,
      },
      save: { type: isGiven, about: "write muster.recipe.json beside the files, without what is doubtful" },
      recipe: {
        value: "FILE",
        type: text.optional(),
        about: "inspect the files as this recipe says",
        unset: "muster.recipe.json beside the files, if there is one",
      },
      ...common,
    },
    takesRecipe: true,
    examples: ["npm run inspect -- ./csv", "npm run inspect -- hires.csv --encoding windows-1252 --save"],
    exitCodes: "0 all files can be read with what is proposed, 1 failed, 2 some cannot, or wrong arguments.",
  },
  replay: {
    forms: ["[FILE] [options]"],
    about: `Judges rejected rows again, and stores those that pass. A row that is rejected again is kept as a new open rejection.

Without FILE it replays every open rejection as it is. FILE is a corrected export, which is checked as a whole first:
  .csv     the sheet of one table (GET /rejections?table=T&state=open&spreadsheet=true),
           or the columns id and raw (GET /rejections?state=open as text/csv)
  .ndjson  one {"id": 7, "row": {...}} or {"id": 7, "raw": "..."} in each line
Rows are stored in batches, each whole or not at all. After an interruption the same command goes on.`,
    flags: {
      run: { value: "ID", type: text.optional(), about: "replay only the open rejections of this run" },
      rejects: {
        value: "FILE",
        type: text.optional(),
        about:
          "write the rows that are rejected again to FILE, a CSV sheet to correct them in; replay FILE takes it back",
      },
      "fail-on-rejects": { type: isGiven, about: "end with exit code 3 if rows are rejected again" },
      "if-running": ifRunning("replay"),
      ...common,
    },
    examples: ["npm run replay", "npm run replay -- corrected.csv"],
    exitCodes:
      "0 done, 1 failed, 2 refused, 3 done with rows rejected again (only with --fail-on-rejects), 4 skipped, 130 interrupted.",
  },
  backup: {
    forms: ["[TABLE...] [options]", "--list", "--verify [ID]"],
    about: `Backs up tables to BACKUP_STORE as one consistent snapshot, and prints the backup's id.

TABLE is one of ${TABLES}; without any, all are backed up.`,
    flags: {
      codec: {
        value: "C",
        type: oneOf(AVRO_CODECS).optional(),
        about: `compression of the Avro files: ${AVRO_CODECS.join(", ")}`,
        unset: "deflate, which every Avro tool reads",
      },
      keep: {
        value: "N",
        type: wholeNumber("a number of backups", 1, 9_999_999).optional(),
        about: "afterwards delete old backups, except the newest N of each table",
      },
      "if-running": ifRunning("backup"),
      list: { type: isGiven, about: "list the backups, newest first, without asking the database" },
      verify: {
        type: isGiven,
        about:
          "prove the newest backup, or the one with this ID: check its checksums, and restore it into scratch tables",
      },
      ...common,
    },
    examples: [
      "npm run backup",
      `npm run backup -- ${[...new Set([ONE, PARENT])].join(" ")} --keep 7`,
      "npm run backup -- --verify",
    ],
    exitCodes: "0 done, 1 failed, 2 refused (wrong arguments, a damaged backup), 4 skipped, 130 interrupted.",
  },
  restore: {
    forms: ["TABLE... [options]"],
    about: `Makes tables exactly what they were in a backup of BACKUP_STORE, all of them in one step.

TABLE is one of ${TABLES}. Rows added since the backup are deleted; rows changed or
deleted since are put back.`,
    flags: {
      backup: { value: "ID", type: text.default("latest"), about: "the backup", unset: "the newest with these tables" },
      plan: { type: isGiven, about: "say what would change, and change nothing" },
      "if-running": ifRunning("restore"),
      ...common,
    },
    examples: [
      `npm run restore -- ${CHILD} --plan`,
      `npm run restore -- ${[...new Set([PARENT, ONE, CHILD])].join(" ")}`,
    ],
    exitCodes: `0 done, 1 failed, 2 refused (wrong arguments, no such backup, a damaged one, rows that would lose their
parent), 4 skipped, 130 interrupted. Unless the code is 0, nothing is changed.`,
  },
  migrate: {
    forms: ["[options]"],
    about: `Creates the database of DATABASE_URL if it is missing, and applies the pending migrations. Every other command does
so too: this one is for a user with more rights than theirs.`,
    flags: common,
    examples: ["npm run migrate", "DATABASE_URL=mysql://administrator:password@host/hr npm run migrate"],
    exitCodes: "0 the database is up to date, 1 failed, 2 refused, 130 interrupted.",
  },
  sample: {
    forms: ["FOLDER [options]"],
    about: `Writes synthetic departments.csv, jobs.csv and hired_employees.csv into FOLDER, a directory or
s3://BUCKET/PREFIX/.`,
    flags: {
      rows: {
        value: "N",
        // The rows get the ids 1, 2, 3 and so on, so the most is the greatest id that the column can hold.
        type: wholeNumber("a whole number", 0, 2_147_483_647).default(DEFAULT_SAMPLE.rows),
        about: "rows of hired_employees.csv",
      },
      bad: {
        value: "P%",
        type: share.default(DEFAULT_SAMPLE.badShare),
        about: "share of those rows that break a rule",
        unset: `${DEFAULT_SAMPLE.badShare * 100}%`,
      },
      seed: {
        value: "N",
        type: wholeNumber("a whole number", 0, 0xffffffff).default(DEFAULT_SAMPLE.seed),
        about: "the same seed makes the same files",
      },
      ...common,
    },
    examples: ["npm run sample -- ./csv --rows 1000000", "npm run sample -- s3://bucket/sample/"],
    exitCodes: "0 done, 1 failed, 2 refused.",
  },
  bench: {
    script: "scripts/bench/bench.ts",
    forms: ["[NAME...] [options]"],
    about: `Measures Muster against other programs, in turn, on private servers that are deleted afterwards.

NAME is one of ${BENCH_NAMES.join(", ")}; without any, all are measured.
Prints a line of JSON for each bench and server. Its ratio is our time divided by the peer's, the median of the
pairs. "rivals" has the same for further peers. A peer that is not installed is said to be missing. "us_per_row" is
our time divided by the rows handled in that time, in microseconds (insert: without the warm-up; report: rows times
reports).`,
    flags: {
      rows: {
        value: "N",
        type: wholeNumber("a whole number", 1, 999_999_999).default(1_000_000),
        about: "rows of hired_employees",
      },
      pairs: { value: "N", type: wholeNumber("a whole number", 1, 999_999_999).default(3), about: "runs of each side" },
      server: {
        value: "S",
        type: oneOf(["mariadb", "mysql"]).optional(),
        about: "mariadb or mysql; MUSTER_MYSQLD names the program of one",
        unset: "each that is installed",
      },
      alone: { type: isGiven, about: "measure Muster without its peers" },
      help,
    },
    examples: [
      "npm run bench",
      "npm run bench -- import restore --rows 300000 --server mysql",
      "npm run bench -- import --rows 10000000 --alone --pairs 1",
    ],
    exitCodes: "0 done, 1 failed, 2 refused (wrong arguments), 130 interrupted.",
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;

/** All flags of a command by their names. */
export function flagsOf(name: CommandName): Record<string, Option> {
  const { flags, takesRecipe }: Command = COMMANDS[name];
  return takesRecipe ? { ...flags, ...RECIPE_FLAGS } : flags;
}

/** What a command prints with --help. */
export function helpOf(name: CommandName): string {
  const { script = `scripts/${name}.ts`, forms, takesRecipe, ...rest }: Command = COMMANDS[name];
  const byBun = forms.map((form) => `bun run ${script} ${form}`);
  const byNpm = `npm run ${name} -- ${forms[0]}     (without Bun on your PATH)`;
  return helpText({
    ...rest,
    about: asCalled(rest.about),
    examples: rest.examples.map(asCalled),
    usage: BUILD ? forms.map((form) => `muster ${name} ${form}`) : [...byBun, byNpm],
    settings: settingsOf(name),
    ...(takesRecipe && { recipe: RECIPE_FLAGS }),
  });
}

export function isBench(name: string): name is BenchName {
  return BENCH_NAMES.some((each) => each === name);
}

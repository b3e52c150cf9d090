/** Wrong options, arguments and environment variables: each ends a command with exit code 2 and a line that says what to do. */

import { expect, test } from "bun:test";
import { readConfig } from "../src/config.ts";
import { parseUrl } from "../src/db/url.ts";
import { assertBindable, readTokens } from "../src/http/auth.ts";
import { ROOT, run } from "./support/commands.ts";
import { dictionary } from "./support/dictionary.ts";

const TABLES = dictionary.names.join(", ");
const IMPORT_OPTIONS =
  "--table, --dry-run, --new-only, --again, --max-rejects, --rejects, --fail-on-rejects, --if-running, --recipe, --quiet, --json, --help, and those that --help lists for reading files";
const ZONE_AND_DELIMITER =
  "--delimiter must be one ASCII character that is no letter or digit, or tab; --zone must be a time zone such as America/Bogota, UTC or -05:00";
const NO_REJECTS =
  "--rejects needs an import, as a dry run keeps no rejected rows that could be replayed: leave --dry-run out";

const FOR_REAL_RUNS = "--if-running is for runs that store something: leave it out, since this one stores nothing";

const WRONG_ARGUMENTS: [string, string[], string][] = [
  ["import", ["--nonsense"], `there is no option --nonsense: they are ${IMPORT_OPTIONS}`],
  ["import", ["-j", "."], `there is no option -j: they are ${IMPORT_OPTIONS}`],
  ["import", [".", "--toString"], `there is no option --toString: they are ${IMPORT_OPTIONS}`],
  ["import", [".", "--table"], "--table needs a value; see --help"],
  ["import", ["--table=", "."], "--table needs a value; see --help"],
  ["import", ["--table", "--json", "."], "--table needs a value; see --help"],
  ["import", ["--table", "staff", "."], `--table staff: give one of ${TABLES}`],
  ["import", ["--table=jobs", "--table=jobs", "."], "--table is given twice: give it once"],
  ["import", ["--dry-run=yes", "."], "--dry-run takes no value: leave =yes out"],
  ["import", ["a", "--delimiter", ";;", "--zone", "-99:00"], ZONE_AND_DELIMITER],
  ["import", ["a", "--rejects", "x", "--dry-run"], NO_REJECTS],
  ...["200%", "-1", "many", "1.5", "5 %"].map((text): [string, string[], string] => [
    "import",
    ["--max-rejects", text, "."],
    `--max-rejects ${text}: give a number of rows, or a share from 0% to 100%`,
  ]),
  ["replay", ["a.csv", "b.csv"], "name one FILE; see --help"],
  ["replay", ["a.csv", "--run", "x"], "give FILE or --run, not both: the file says which rejections it is for"],
  ["replay", ["--run"], "--run needs a value; see --help"],
  ["replay", ["a.csv", "b.csv", "--json"], "name one FILE; see --help"],
  ["backup", ["--list", "jobs"], "--list takes no table and no other option: it lists what is there"],
  ["backup", ["--list", "--verify", "--json"], "--list takes no table and no other option: it lists what is there"],
  ["backup", ["staff"], `there is no table staff: the tables are ${TABLES}`],
  ["backup", ["--codec", "snappy"], "--codec snappy: give one of deflate, zstandard, null"],
  ["backup", ["--keep", "x"], "--keep x: give a number of backups from 1 to 9999999"],
  ["backup", ["--keep", "0"], "--keep 0: give a number of backups from 1 to 9999999"],
  ["backup", ["--verify", "a", "b"], "name one backup to verify; see --help"],
  ["backup", ["--verify", "--keep", "3"], "--verify takes no --codec and no --keep: they are for a new backup"],
  ["restore", [], "name the tables to restore; see --help"],
  [
    "restore",
    ["--json", "--nonsense"],
    "there is no option --nonsense: they are --backup, --plan, --if-running, --quiet, --json, --help",
  ],
  ["restore", ["jobs", "--plan", "--if-running", "skip"], FOR_REAL_RUNS],
  ["backup", ["--verify", "--if-running", "wait"], FOR_REAL_RUNS],
  ["import", ["a", "--dry-run", "--if-running", "wait"], FOR_REAL_RUNS],
  ["import", ["a", "--if-running", "stop", "--json"], "--if-running stop: give one of skip, wait"],
  ["restore", ["staff"], `there is no table staff: the tables are ${TABLES}`],
  ["restore", ["jobs", "--backup", "--plan"], "--backup needs a value; see --help"],
  ["sample", ["--json"], "name one FOLDER; see --help"],
  ["sample", [], "name one FOLDER; see --help"],
  ["sample", ["x", "--rows", "1e6"], "--rows 1e6: give a whole number from 0 to 2147483647"],
  ["sample", ["x", "--rows", "99999999999"], "--rows 99999999999: give a whole number from 0 to 2147483647"],
  ["sample", ["x", "--seed", "-1"], "--seed -1: give a whole number from 0 to 4294967295"],
  ["sample", ["x", "--bad", "5"], "--bad 5: give a share from 0% to 100%"],
  ["sample", ["x", "--bad", "101%"], "--bad 101%: give a share from 0% to 100%"],
];

test("a wrong argument ends every command with code 2 and one line that says what to do, before it connects", async () => {
  const waiting = [...WRONG_ARGUMENTS];
  const seen: unknown[] = [];
  const one = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, args] = next;
      const { code, stdout, stderr } = await run([`scripts/${name}.ts`, ...args], { DATABASE_URL: "mysql://h/d" });
      seen.push([name, args, stderr, { code, stdout }]);
    }
  };
  await Promise.all([one(), one(), one()]);
  const told = WRONG_ARGUMENTS.map(([name, args, line]) => {
    const stdout = args.includes("--json") ? `${JSON.stringify({ status: "refused", error: line })}\n` : "";
    return [name, args, `${line}\n`, { code: 2, stdout }];
  });
  const inOrder = (list: unknown[]) => list.map((each) => JSON.stringify(each)).sort();
  expect(inOrder(seen)).toEqual(inOrder(told));
});

test("a flag that npm took for its own is refused, so a plan never becomes a restore", async () => {
  const npm = Bun.spawn(["npm", "run", "restore", "jobs", "--plan"], { cwd: ROOT, stdout: "ignore", stderr: "pipe" });
  expect(await new Response(npm.stderr).text()).toContain(
    "npm took --plan for an option of its own: write -- first, as in npm run restore -- --plan\n",
  );
  expect(await npm.exited).toBe(2);
});

const PORT = "set PORT to a port number from 0 to 65535";
const CAPABILITIES = "set MUSTER_CAPABILITIES to no-load-data or no-swap, or both with a comma between";
const URL_FORM = /^DATABASE_URL must look like mysql:\/\/user:password@host:port\/database, with % @ /;

const WRONG_VARIABLES: [Record<string, string>, string | RegExp][] = [
  [{ PORT: "abc" }, PORT],
  [{ PORT: "70000" }, PORT],
  [{ PORT: "-1" }, PORT],
  [{ LOG_LEVEL: "loud" }, "set LOG_LEVEL to one of trace, debug, info, warn, error, fatal, silent"],
  [{ BODY_BYTES_MAX: "0" }, "set BODY_BYTES_MAX to a whole number of bytes from 1 to 9999999999"],
  [{ WRITE_MS_MAX: "1s" }, "set WRITE_MS_MAX to a whole number of milliseconds from 1 to 2147483647"],
  [{ BODY_MS_MAX: "2147483648" }, "set BODY_MS_MAX to a whole number of milliseconds from 1 to 2147483647"],
  [{ MUSTER_CAPABILITIES: "fast,no-swap,slow" }, CAPABILITIES],
  [{ IMPORT_SOURCE: "http://h/jobs.csv" }, "set IMPORT_SOURCE to a directory, a file or s3://bucket/prefix/"],
  [{ BACKUP_STORE: "gs://bucket" }, "set BACKUP_STORE to a directory or s3://bucket/prefix"],
  [{ PORT: "abc", BODY_BYTES_MAX: "x" }, `${PORT}; set BODY_BYTES_MAX to a whole number of bytes from 1 to 9999999999`],
  [
    { HOST: "0.0.0.0" },
    /^HOST=0\.0\.0\.0 would open Muster to the network without tokens: set API_TOKENS=reader:TOKEN/,
  ],
  [{ API_TOKENS: "s3cret" }, /^API_TOKENS: entry 1 must be reader:TOKEN, writer:TOKEN or admin:TOKEN/],
  [{ API_TOKENS: "reader:a,root:s3cret" }, /^API_TOKENS: entry 2 must be /],
  [{ API_TOKENS: "reader:s3cret,admin:s3cret" }, /^API_TOKENS: entry 2 repeats the token of an earlier entry/],
  [{ DATABASE_URL: "postgres://u:s3cret@h/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:s3cret@h" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:%s3cret@h/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:p@s3cret@h/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:s3cret/x@h/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:s3cret@h:70000/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:12/s3cret@h/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:12/x?s3cret@h/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:12/x?s3cret=1@h/d?ssl=true" }, URL_FORM],
  [{ DATABASE_CONNECTIONS: "4" }, "set DATABASE_CONNECTIONS to a whole number of connections from 5 to 10000"],
  [{ DATABASE_URL: "mysql://u:s3cret@/d" }, URL_FORM],
  [{ DATABASE_URL: "mysql://u:s3cret@h/" }, "DATABASE_URL names no database: add /NAME after the host"],
  [{ DATABASE_URL: "mysql://u:s3cret@h/d?tls=true" }, "DATABASE_URL takes ?ssl= and ?socket=, not ?tls=: remove it"],
  [
    { DATABASE_URL: "mysql://u:s3cret@h/d?ssl=" },
    "DATABASE_URL's ?ssl= is empty: write ?ssl=true or ?ssl=FILE, or remove it",
  ],
  [
    { DATABASE_URL: "mysql://u:s3cret@h/d?ssl=/no/ca.pem" },
    /^the CA file \/no\/ca\.pem of .*cannot be read \(ENOENT\): name a file that this user may read$/,
  ],
];

test.each(WRONG_VARIABLES)(
  "the environment %j is refused in one line that says what to do and repeats no secret",
  (environment, line) => {
    const read = () => {
      const { DATABASE_URL, HOST, API_TOKENS } = readConfig(environment);
      assertBindable(HOST, readTokens(API_TOKENS));
      if (DATABASE_URL !== undefined) parseUrl(DATABASE_URL);
      return "nothing is wrong";
    };
    const said = lineOf(read);
    if (typeof line === "string") expect(said).toBe(line);
    else expect(said).toMatch(line);
    expect(said).not.toMatch(/s3cret|\n/);
  },
);

test.each([..."@/?#:%&= +;'\"\\"])(
  "a password with %s in DATABASE_URL works as it is, or is refused with the way to write it and without the password",
  (character) => {
    for (const password of [`12${character}s3cret`, `s3cret${character}12`, `12${character}34${character}s3cret`]) {
      const read = (written: string) => lineOf(() => parseUrl(`mysql://u:${written}@h:3306/d`).options.password ?? "");
      const said = read(password);
      if (said !== password) expect(said).toMatch(URL_FORM);
      if (said !== password) expect(said).not.toContain("s3cret");
      expect(read(encodeURIComponent(password))).toBe(password);
    }
  },
);

function lineOf(work: () => string): string {
  try {
    return work();
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid" });
    return (error as Error).message;
  }
}

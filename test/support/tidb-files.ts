/** Which test files `npm test` runs on TiDB: all but those named here. */
import { Glob } from "bun";

/** They ask no database, or a private MySQL or MariaDB of their own, so the other passes have run them already. */
const ELSEWHERE: Record<string, string> = {
  "reads files and asks no server":
    "arguments avro bytes columns columns-option csv csv-backslashes csv-columns csv-dialects csv-head detect " +
    "do-as-refused encodings hostile-dialects insert-values json json-array json-fields left-out-cells " +
    "retried value-advice",
  "has a private MySQL or MariaDB":
    "embedded executable hostile-server nginx password requirements scarce-server server-crash setup tls",
};

/** What they test does not exist on TiDB, or works otherwise there: docs/scale.md says what a user sees. */
const NOT_ON_TIDB: Record<string, string> = {
  "has spatial types, which TiDB lacks": "adopt adopt-sakila",
  "has triggers and hidden columns, which TiDB lacks, and tests swaps": "bystanders",
  "tests swaps, and Muster swaps no table on TiDB": "swap",
  "stores values of more than 6 MB, which TiDB refuses": "large-bytes",
  "expects other programs to wait while a restore writes, and TiDB does not lock the gaps between rows":
    "restore-others",
  "expects ids one after another, and TiDB's have gaps": "ids-of-database",
};

const byFile = new Map<string, string>(
  [...Object.entries(ELSEWHERE), ...Object.entries(NOT_ON_TIDB)].flatMap(([reason, names]) =>
    names.split(" ").map((name) => [`test/${name}.test.ts`, reason] as const),
  ),
);

/** The files to run. Tells which are left out, and why. */
export async function tidbFiles(say: (line: string) => void): Promise<string[]> {
  const files = (await Array.fromAsync(new Glob("test/**/*.test.ts").scan())).sort();
  for (const file of files) {
    const reason = byFile.get(file);
    if (reason !== undefined) say(`${file} is left out on TiDB: it ${reason}`);
  }
  const unknown = [...byFile.keys()].filter((file) => !files.includes(file));
  if (unknown.length > 0)
    throw new Error(`test/support/tidb-files.ts names files that do not exist: ${unknown.join(", ")}`);
  return files.filter((file) => !byFile.has(file)).map((file) => `./${file}`);
}

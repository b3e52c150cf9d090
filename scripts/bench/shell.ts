/**
 * MySQL Shell as a peer, and on MariaDB its sibling, MariaDB Shell. Written from their manuals: neither is in Debian or in a
 * registry of packages, so neither was run. https://dev.mysql.com/doc/mysql-shell/en/mysql-shell-utilities.html
 */
import { join } from "node:path";
import { dumpSide, withDump } from "./dumps.ts";
import type { Peer, Side } from "./pairs.ts";
import { checked, fillParents, type Place, THREADS } from "./place.ts";
import { measure } from "./process.ts";

const SHELLS = {
  MySQL: { program: "mysqlsh", from: "package mysql-shell of Oracle's repository" },
  MariaDB: { program: "mariadb-shell", from: "MariaDB Shell, from its releases" },
};

/** importTable: LOAD DATA in parts, over several connections. */
export function importTable(place: Place): Peer {
  const { name, run } = shell(place, "import-table", [
    join(place.files.clean, "hired_employees.csv"),
    ...["--schema=muster", "--table=hired_employees", "--fieldsTerminatedBy=,", "--bytesPerChunk=10M"],
  ]);
  return { name, side: run && { prepare: () => fillParents(place), run: checked(place, run) } };
}

/** dumpTables, with its default compression: zstd's level 1. */
export function dumpTables(place: Place): Peer {
  const folder = join(place.scratch, "dump-tables");
  const { name, run } = dumping(place, folder);
  return { name, side: run && dumpSide(place, folder, run) };
}

/** loadDump, into a table that was dropped before. It makes the indexes last. `side` as for mysqlReadsDump. */
export function loadDump(place: Place, side: (run: Side["run"]) => Side): Peer {
  const folder = join(place.scratch, "load-dump");
  const dumps = dumping(place, folder);
  const { name, run } = shell(place, "load-dump", [folder, "--deferTableIndexes=all", "--resetProgress"]);
  if (!dumps.run || !run) return { name, side: undefined };
  const { prepare, run: load } = withDump(place, folder, dumps.run, side(run));
  const dropped = async () => {
    await prepare();
    await place.server.run("DROP TABLE hired_employees");
  };
  return { name, side: { prepare: dropped, run: load } };
}

function dumping(place: Place, folder: string) {
  return shell(place, "dump-tables", ["muster", "hired_employees", `--outputUrl=${folder}`]);
}

/** The name of one of the shell's functions, and `run`, which runs it. `run` is undefined if the shell is not installed. */
function shell(place: Place, call: string, words: string[]): { name: string; run: Side["run"] | undefined } {
  const { server, signal } = place;
  const { program, from } = SHELLS[server.kind];
  if (Bun.which(program) === null) return { name: `${program} ${call} is missing (${from})`, run: undefined };
  const connect = [program, "--user=root", `--socket=${server.socket}`, "--no-password"];
  const command = [...connect, "--", "util", call, ...words, `--threads=${THREADS}`, "--showProgress=false"];
  return { name: `${program} ${call} --threads=${THREADS}`, run: () => measure({ arguments: command, signal }) };
}

/** The peers that come with the server: its client, its import and its dump program. */
import { join } from "node:path";
import { dumpSide, withDump } from "./dumps.ts";
import type { Peer, Side } from "./pairs.ts";
import { checked, emptyTables, fillParents, type Place, THREADS } from "./place.ts";
import { measure } from "./process.ts";
import type { ClientName } from "./server.ts";

const DUMP = ["--single-transaction", "muster", "hired_employees"];

/** LOAD DATA for each of the three files, parents first. */
export function loadData(place: Place): Peer {
  const load = (table: string) =>
    `LOAD DATA LOCAL INFILE '${join(place.files.clean, table)}.csv' INTO TABLE ${table} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','`;
  const statements = ["departments", "jobs", "hired_employees"].map(load).join("; ");
  const { name, run } = client(place, "mysql", ["--local-infile=1", `--execute=${statements}`, "muster"]);
  const prepare = () => emptyTables(place);
  return {
    name: run ? `${name}: LOAD DATA LOCAL INFILE, clean file, constraints on` : name,
    side: run && { prepare, run: checked(place, run) },
  };
}

/** LOAD DATA of hired_employees in parts, as many at once as there are cores. MySQL Shell's importTable sends the same. */
export function loadDataInParts(place: Place): Peer {
  const parts = Array.from({ length: THREADS }, (_, index) => join(place.scratch, `hired_employees.${index + 1}.csv`));
  let written: Promise<void> | undefined;
  const { name, run } = client(place, "mysqlimport", [
    ...["--local", `--use-threads=${THREADS}`, "--fields-terminated-by=,", "--default-character-set=utf8mb4"],
    ...["muster", ...parts],
  ]);
  return {
    name: run ? `${name} --use-threads=${THREADS}, clean file in ${parts.length} parts, constraints on` : name,
    side: run && {
      async prepare() {
        written ??= writeParts(place, parts);
        await written;
        await fillParents(place);
      },
      run: checked(place, run),
    },
  };
}

export function mysqldump(place: Place): Peer {
  const folder = join(place.scratch, "mysqldump");
  const { name, run } = client(place, "mysqldump", DUMP, {
    prefix: ["sh", "-c", `"$@" | gzip -1 > '${join(folder, "dump.sql.gz")}'`, "sh"],
  });
  return {
    name: run ? `${name} --single-transaction | gzip -1` : name,
    side: run && dumpSide(place, folder, run),
  };
}

/** `mysql < dump.sql`. `side` makes a side of a run: it takes rows away before it, and checks that all are back after it. */
export function mysqlReadsDump(place: Place, side: (run: Side["run"]) => Side): Peer {
  const dump = join(place.scratch, "dump.sql");
  const dumping = client(place, "mysqldump", [...DUMP, `--result-file=${dump}`]);
  const reading = client(place, "mysql", ["muster"], { input: dump });
  if (!dumping.run) return { name: dumping.name, side: undefined };
  if (!reading.run) return { name: reading.name, side: undefined };
  return { name: `${reading.name} < dump.sql`, side: withDump(place, dump, dumping.run, side(reading.run)) };
}

/** Writes the clean file again in parts. The table's name is what stands before the first dot of a part's name. */
async function writeParts({ files }: Place, parts: string[]): Promise<void> {
  const bytes = await Bun.file(join(files.clean, "hired_employees.csv")).bytes();
  let start = 0;
  for (const [index, part] of parts.entries()) {
    const end = bytes.indexOf(LINE_END, Math.floor((bytes.length * (index + 1)) / parts.length) - 1) + 1;
    await Bun.write(part, bytes.subarray(start, end));
    start = end;
  }
}

const LINE_END = 0x0a;

/** The name of the server's own client, and `run`, which runs it. `run` is undefined if the client is not installed. */
function client(
  { server, signal }: Place,
  program: ClientName,
  words: string[],
  { prefix = [], ...input }: { prefix?: string[]; input?: string } = {},
) {
  const { name, command } = server.client(program);
  return { name, run: command && (() => measure({ arguments: [...prefix, ...command, ...words], signal, ...input })) };
}

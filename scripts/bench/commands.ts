/** The benches of whole commands: import, reload, backup and restore, against what comes with the server. */
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ServerProgram } from "../../src/embedded/mysqld.ts";
import type { Files } from "./files.ts";
import type { Bench, Side } from "./pairs.ts";
import { type Measured, measure } from "./process.ts";
import { type BenchServer, type ClientName, missing } from "./server.ts";

export interface Place {
  server: BenchServer;
  kind: ServerProgram["kind"];
  files: Files;
  /** A folder for what a bench writes. */
  scratch: string;
  signal: AbortSignal;
}

/** Import into empty tables, against LOAD DATA of the good rows into the same tables with every constraint on. */
export async function importBench(place: Place): Promise<Bench> {
  const { files } = place;
  const prepare = () => emptied(place);
  const { name, run } = clientSide(place, "mysql", (client) => [
    ...client,
    "--local-infile=1",
    `--execute=${loadStatements(files.clean)}`,
    "muster",
  ]);
  return {
    name: "import",
    rows: files.rows,
    ours: { prepare, run: checked(place, () => ours(place, "import", files.folder)) },
    peer: run ? `${name}: LOAD DATA LOCAL INFILE, clean file, constraints on` : name,
    theirs: run && { prepare, run: checked(place, run) },
  };
}

/** The same import again, of which nothing is new, against itself into empty tables. */
export async function reloadBench(place: Place): Promise<Bench> {
  const { server, files } = place;
  const run = checked(place, () => ours(place, "import", files.folder));
  return {
    name: "reload",
    rows: files.rows,
    // The peer has just filled the tables.
    ours: { prepare: () => server.settle(), run },
    peer: "our own import into empty tables",
    theirs: { prepare: () => emptied(place), run },
  };
}

/** A backup of hired_employees, against a dump of it through gzip. */
export async function backupBench(place: Place): Promise<Bench> {
  const { server, files, scratch } = place;
  const store = join(scratch, "backups");
  const dump = join(scratch, "dump.sql.gz");
  const { name, run } = clientSide(place, "mysqldump", (client) => [
    ...["sh", "-c", `"$@" | gzip -1 > '${dump}'`, "sh"],
    ...client,
    ...DUMP,
  ]);
  await filled(place);
  return {
    name: "backup",
    rows: files.good,
    ours: {
      async prepare() {
        await rm(store, { recursive: true, force: true });
        await server.settle();
      },
      run: () => ours(place, "backup", "hired_employees"),
    },
    peer: run ? `${name} --single-transaction | gzip -1` : name,
    theirs: run && {
      prepare: () => server.settle(),
      async run() {
        const measured = await run();
        // The shell answers for gzip alone.
        const end = Bun.gunzipSync(await Bun.file(dump).bytes()).subarray(-200);
        if (!new TextDecoder().decode(end).includes("Dump completed")) throw new Error("the dump is not whole");
        return measured;
      },
    },
  };
}

/** hired_employees without every second row, restored from our backup, against the whole of its dump read back. */
export async function restoreBench(place: Place): Promise<Bench> {
  const { server, files, scratch } = place;
  const dump = join(scratch, "dump.sql");
  await filled(place);
  await ours(place, "backup", "hired_employees");
  const dumping = clientSide(place, "mysqldump", (client) => [...client, ...DUMP, `--result-file=${dump}`]);
  const reading = clientSide(place, "mysql", (client) => [...client, "muster"], dump);
  if (reading.run) await dumping.run?.();
  const side = (run: () => Promise<Measured>): Side => ({
    async prepare() {
      await server.run("DELETE FROM hired_employees WHERE id % 2 = 0");
      await server.settle();
    },
    run: checked(place, run),
  });
  const run = dumping.run && reading.run;
  return {
    name: "restore",
    rows: files.good,
    ours: side(() => ours(place, "restore", "hired_employees")),
    peer: [dumping, reading].find((each) => !each.run)?.name ?? `${reading.name} < dump.sql`,
    theirs: run && side(run),
  };
}

const DUMP = ["--single-transaction", "muster", "hired_employees"];

async function emptied({ server }: Place): Promise<void> {
  await server.reset();
  await server.settle();
}

/** Fills the tables where they are not full already: not timed. */
export async function filled(place: Place): Promise<void> {
  const { server, files } = place;
  const [row] = await server.run("SELECT COUNT(*) AS found FROM hired_employees").catch(() => []);
  if (row?.found === files.good) return;
  await server.reset();
  await checked(place, () => ours(place, "import", files.folder))();
}

/** One of our commands, as a user runs it. */
export function ours({ server, scratch, signal }: Place, name: string, ...words: string[]): Promise<Measured> {
  return measure({
    arguments: [process.execPath, `scripts/${name}.ts`, ...words],
    environment: { DATABASE_URL: server.url, BACKUP_STORE: join(scratch, "backups") },
    signal,
  });
}

/** A run of the server's own client; without one, what is missing. */
function clientSide(
  { server, kind, signal }: Place,
  name: ClientName,
  words: (client: string[]) => string[],
  input?: string,
): { name: string; run: (() => Promise<Measured>) | undefined } {
  const program = server.client(name);
  if (program === undefined) return { name: missing(kind, name), run: undefined };
  const client = [program, "--no-defaults", `--socket=${server.socket}`, "--user=root"];
  return { name: basename(program), run: () => measure({ arguments: words(client), signal, ...(input && { input }) }) };
}

/** LOAD DATA of the three files, parents first. */
function loadStatements(folder: string): string {
  const load = (table: string) =>
    `LOAD DATA LOCAL INFILE '${join(folder, table)}.csv' INTO TABLE ${table} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','`;
  return ["departments", "jobs", "hired_employees"].map(load).join("; ");
}

/** The run, after which every good row must be there. */
export function checked({ server, files }: Place, run: () => Promise<Measured>): () => Promise<Measured> {
  return async () => {
    const measured = await run();
    const [row] = await server.run("SELECT COUNT(*) AS found FROM hired_employees");
    if (row?.found !== files.good) throw new Error(`${row?.found} rows are stored, not ${files.good}`);
    return measured;
  };
}

/** The benches of whole commands: import, reload, backup and restore, against the server's own tools. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DIALECT_FLAGS, type Files, writeDialect } from "./files.ts";
import type { Bench, Side } from "./pairs.ts";
import { type Measured, measure } from "./process.ts";
import type { BenchServer, ClientName } from "./server.ts";

export interface Place {
  server: BenchServer;
  files: Files;
  /** A folder for the files that a bench writes. */
  scratch: string;
  signal: AbortSignal;
}

/** An import into empty tables, against LOAD DATA of the good rows into the same tables with every constraint on. */
export async function importBench(place: Place): Promise<Bench> {
  const { files } = place;
  const prepare = () => emptyTables(place);
  const { name, run } = clientSide(place, "mysql", [
    "--local-infile=1",
    `--execute=${loadStatements(files.clean)}`,
    "muster",
  ]);
  return {
    rows: files.rows,
    ours: { prepare, run: checked(place, () => ours(place, "import", files.folder)) },
    peer: run ? `${name}: LOAD DATA LOCAL INFILE, clean file, constraints on` : name,
    theirs: run && { prepare, run: checked(place, run) },
  };
}

/** An import of rows that are all stored already, against the same import into empty tables. */
export async function reloadBench(place: Place): Promise<Bench> {
  const { server, files } = place;
  const run = checked(place, () => ours(place, "import", files.folder));
  return {
    rows: files.rows,
    // The peer runs first in each pair, so it has filled the tables.
    ours: { prepare: () => server.settle(), run },
    peer: "our own import into empty tables",
    theirs: { prepare: () => emptyTables(place), run },
  };
}

/** An import of the same rows in another dialect, encoding and form of dates, against the import of the strict default. */
export async function dialectBench(place: Place): Promise<Bench> {
  const { files, scratch } = place;
  const folder = join(scratch, "dialect");
  await writeDialect(files.folder, folder);
  const prepare = () => emptyTables(place);
  return {
    rows: files.rows,
    ours: { prepare, run: checked(place, () => ours(place, "import", folder, ...DIALECT_FLAGS)) },
    peer: "our own import of strict CSV",
    theirs: { prepare, run: checked(place, () => ours(place, "import", files.folder)) },
  };
}

/** A backup of hired_employees, against mysqldump through gzip. */
export async function backupBench(place: Place): Promise<Bench> {
  const { server, files, scratch } = place;
  const store = join(scratch, "backups");
  const dump = join(scratch, "dump.sql.gz");
  const { name, run } = clientSide(place, "mysqldump", DUMP, {
    prefix: ["sh", "-c", `"$@" | gzip -1 > '${dump}'`, "sh"],
  });
  await fillTables(place);
  return {
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
        // The exit code comes from gzip, not from mysqldump. Only the dump's last line shows that it is complete.
        const end = Bun.gunzipSync(await Bun.file(dump).bytes()).subarray(-200);
        if (!new TextDecoder().decode(end).includes("Dump completed"))
          throw new Error("mysqldump ended early: the dump has no last line");
        return measured;
      },
    },
  };
}

/** A restore of hired_employees after every second row was deleted, against `mysql < dump.sql`. */
export async function restoreBench(place: Place): Promise<Bench> {
  const { server, files, scratch } = place;
  const dump = join(scratch, "dump.sql");
  await fillTables(place);
  await ours(place, "backup", "hired_employees");
  const dumping = clientSide(place, "mysqldump", [...DUMP, `--result-file=${dump}`]);
  const reading = clientSide(place, "mysql", ["muster"], { input: dump });
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
    rows: files.good,
    ours: side(() => ours(place, "restore", "hired_employees")),
    peer: [dumping, reading].find((each) => !each.run)?.name ?? `${reading.name} < dump.sql`,
    theirs: run && side(run),
  };
}

const DUMP = ["--single-transaction", "muster", "hired_employees"];

async function emptyTables({ server }: Place): Promise<void> {
  await server.reset();
  await server.settle();
}

/** Fills the tables, unless they are full already. */
export async function fillTables(place: Place): Promise<void> {
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

/** The name of the server's own client, and `run`, which runs it. `run` is undefined if the client is not installed. */
function clientSide(
  { server, signal }: Place,
  client: ClientName,
  words: string[],
  { prefix = [], ...input }: { prefix?: string[]; input?: string } = {},
) {
  const { name, command } = server.client(client);
  return { name, run: command && (() => measure({ arguments: [...prefix, ...command, ...words], signal, ...input })) };
}

/** LOAD DATA for each of the three files, parents first. */
function loadStatements(folder: string): string {
  const load = (table: string) =>
    `LOAD DATA LOCAL INFILE '${join(folder, table)}.csv' INTO TABLE ${table} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','`;
  return ["departments", "jobs", "hired_employees"].map(load).join("; ");
}

/** A run that fails unless every good row is stored after it. */
export function checked({ server, files }: Place, run: () => Promise<Measured>): () => Promise<Measured> {
  return async () => {
    const measured = await run();
    const [row] = await server.run("SELECT COUNT(*) AS found FROM hired_employees");
    if (row?.found !== files.good) throw new Error(`${row?.found} rows are stored, not ${files.good}`);
    return measured;
  };
}

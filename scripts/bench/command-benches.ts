/** The benches of whole commands: import, reload, backup and restore, against the server's own tools and other programs. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DIALECT_FLAGS, writeDialect } from "./files.ts";
import { mydumper, myloader } from "./mydumper.ts";
import type { Bench, Side } from "./pairs.ts";
import { checked, counted, emptyTables, fillTables, ours, type Place } from "./place.ts";
import { loadData, loadDataInParts, mysqldump, mysqlReadsDump } from "./server-tools.ts";
import { dumpTables, importTable, loadDump } from "./shell.ts";

/** An import into empty tables, against programs that load the good rows into the same tables with every constraint on. */
export async function importBench(place: Place): Promise<Bench> {
  const { files } = place;
  return {
    rows: files.rows,
    ours: { prepare: () => emptyTables(place), run: checked(place, () => ours(place, "import", files.folder)) },
    peers: [loadData(place), loadDataInParts(place), importTable(place)],
  };
}

/** An import of rows that are all stored already, against the same import into empty tables. */
export async function reloadBench(place: Place): Promise<Bench> {
  const { server, files } = place;
  const peer = {
    prepare: () => emptyTables(place),
    run: checked(place, () => ours(place, "import", files.folder)),
  };
  return {
    rows: files.rows,
    ours: {
      async prepare() {
        await fillTables(place);
        await server.settle();
      },
      run: () => counted(place, "unchanged", "import", files.folder),
    },
    peers: [{ name: "our own import into empty tables", side: peer }],
  };
}

/** An import of the same rows in another dialect, encoding and form of dates, against the import of the strict default. */
export async function dialectBench(place: Place): Promise<Bench> {
  const { files, scratch } = place;
  const folder = join(scratch, "dialect");
  await writeDialect(files.folder, folder);
  const prepare = () => emptyTables(place);
  const strict = { prepare, run: checked(place, () => ours(place, "import", files.folder)) };
  return {
    rows: files.rows,
    ours: { prepare, run: checked(place, () => ours(place, "import", folder, ...DIALECT_FLAGS)) },
    peers: [{ name: "our own import of strict CSV", side: strict }],
  };
}

/** A backup of hired_employees, against programs that dump it. */
export async function backupBench(place: Place): Promise<Bench> {
  const { server, files, scratch } = place;
  await fillTables(place);
  return {
    rows: files.good,
    ours: {
      async prepare() {
        await rm(join(scratch, "backups"), { recursive: true, force: true });
        await server.settle();
      },
      run: () => counted(place, "received", "backup", "hired_employees"),
    },
    peers: [mysqldump(place), mydumper(place), mydumper(place, "--compress"), dumpTables(place)],
  };
}

/** A restore of hired_employees after every second row was deleted, against programs that load their dump of the table. */
export async function restoreBench(place: Place): Promise<Bench> {
  const { server, files } = place;
  await fillTables(place);
  await ours(place, "backup", "hired_employees");
  const side = (run: Side["run"]): Side => ({
    async prepare() {
      // A peer that failed may have left the table empty, or dropped it.
      await fillTables(place);
      await server.run("DELETE FROM hired_employees WHERE id % 2 = 0");
      await server.settle();
    },
    run: checked(place, run),
  });
  return {
    rows: files.good,
    ours: side(() => ours(place, "restore", "hired_employees")),
    peers: [mysqlReadsDump(place, side), myloader(place, side), loadDump(place, side)],
  };
}

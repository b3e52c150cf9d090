/** The dumps of other programs: when they are made, and whether they hold every row. Without every row, their time says nothing. */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { MusterError } from "../../src/errors.ts";
import type { Side } from "./pairs.ts";
import { fillTables, type Place } from "./place.ts";

/** A row of hired_employees in an INSERT statement: its id, and the quote before its name. */
const SQL_ROW = /\(\d+,['"]/g;
/** A row in a file with one row a line. */
const LINE = /\n/g;

/** A side that dumps into an empty folder. Its run fails unless the files there hold every row afterwards. */
export function dumpSide({ server, files }: Place, folder: string, dump: Side["run"]): Side {
  return {
    async prepare() {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder);
      await server.settle();
    },
    async run() {
      const measured = await dump();
      const found = await rowsIn(folder);
      if (found !== files.good) throw new MusterError("unavailable", `the dump has ${found} rows, not ${files.good}`);
      return measured;
    },
  };
}

/** A side that needs a dump. It is made from full tables, before the first run. */
export function withDump(place: Place, path: string, dump: () => Promise<unknown>, { prepare, run }: Side): Side {
  return {
    async prepare() {
      if (!existsSync(path)) {
        await fillTables(place);
        await dump();
      }
      await prepare();
    },
    run,
  };
}

async function rowsIn(folder: string): Promise<number> {
  let rows = 0;
  for (const name of await readdir(folder)) {
    const [, kind, compression] = /\.(sql|tsv)(\.gz|\.zst)?$/.exec(name) ?? [];
    if (kind === undefined) continue;
    const text = decompressed(await Bun.file(join(folder, name)).bytes(), compression);
    rows += text.match(kind === "sql" ? SQL_ROW : LINE)?.length ?? 0;
  }
  return rows;
}

function decompressed(bytes: Uint8Array<ArrayBuffer>, compression: string | undefined): string {
  const plain =
    compression === ".gz" ? Bun.gunzipSync(bytes) : compression === ".zst" ? Bun.zstdDecompressSync(bytes) : bytes;
  // The rows are counted by ASCII characters, so any encoding that keeps them will do.
  return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString("latin1");
}

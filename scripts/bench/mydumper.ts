/** mydumper and myloader as peers: they dump and load one table over several connections. Tried with 0.10, Debian's version. */
import { join } from "node:path";
import { dumpSide, withDump } from "./dumps.ts";
import type { Peer, Side } from "./pairs.ts";
import { type Place, THREADS } from "./place.ts";
import { measure } from "./process.ts";

/** Enough parts that the threads end at about the same time. */
const PARTS = THREADS * 4;
const MISSING = "is missing (package mydumper)";

/** mydumper. Without words it does not compress. With --compress, 0.10 compresses with gzip's level 6: it has no other. */
export function mydumper(place: Place, ...words: string[]): Peer {
  const folder = join(place.scratch, "mydumper");
  const run = dumping(place, folder, words);
  if (!run) return { name: `mydumper ${MISSING}`, side: undefined };
  return { name: ["mydumper", `--threads=${THREADS}`, ...words].join(" "), side: dumpSide(place, folder, run) };
}

/** myloader, which drops the table and loads all of it. `side` as for mysqlReadsDump. */
export function myloader(place: Place, side: (run: Side["run"]) => Side): Peer {
  const folder = join(place.scratch, "myloader");
  const dump = dumping(place, folder, []);
  if (!dump || Bun.which("myloader") === null) return { name: `myloader ${MISSING}`, side: undefined };
  const words = [`--directory=${folder}`, "--overwrite-tables", ...connection(place)];
  const load = () => measure({ arguments: ["myloader", ...words], signal: place.signal });
  return { name: `myloader --threads=${THREADS}`, side: withDump(place, folder, dump, side(load)) };
}

function dumping(place: Place, folder: string, words: string[]): Side["run"] | undefined {
  if (Bun.which("mydumper") === null) return undefined;
  const rows = Math.ceil(place.files.rows / PARTS);
  const table = ["--tables-list=hired_employees", `--rows=${rows}`, `--outputdir=${folder}`];
  return () => measure({ arguments: ["mydumper", ...table, ...words, ...connection(place)], signal: place.signal });
}

function connection({ server }: Place): string[] {
  return ["--database=muster", `--threads=${THREADS}`, `--socket=${server.socket}`, "--user=root"];
}

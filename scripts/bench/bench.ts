/** Ours against what comes with the server or would be written without Muster, on this machine, in turn (design section 9). */
import "../../src/schema-check.ts";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerProgram } from "../../src/embedded/mysqld.ts";
import { MusterError } from "../../src/errors.ts";
import { type Context, finish, type Outcome, readArguments } from "../command.ts";
import { say } from "../terminal.ts";
import { backupBench, importBench, type Place, reloadBench, restoreBench } from "./commands.ts";
import { type Files, writeFiles } from "./files.ts";
import { type Bench, measurePairs } from "./pairs.ts";
import { findServers, startServer } from "./server.ts";
import { insertBench, readBench, reportBench } from "./service.ts";

const BENCHES: Record<string, (place: Place) => Promise<Bench>> = {
  import: importBench,
  reload: reloadBench,
  backup: backupBench,
  restore: restoreBench,
  insert: insertBench,
  read: readBench,
  report: reportBench,
};
const ROWS = 1_000_000;
const PAIRS = 3;

const HELP = `Usage: bun run bench [NAME...] [options]

Measures ${Object.keys(BENCHES).join(", ")} (all where none is named) against a peer, in turn, on private servers
that are removed afterwards. Prints a line of JSON for each bench and server; its ratio is ours to the peer's, the
median of the pairs.

  --rows N     rows of hired_employees (${ROWS})
  --pairs N    runs of each side (${PAIRS})
  --server S   mariadb or mysql (each that is there; MUSTER_MYSQLD names the program of one)
  --help       this text

Exit code: 0 done, 1 failed, 2 wrong arguments, 130 interrupted.`;

const options = readArguments(
  HELP,
  { rows: { type: "string" }, pairs: { type: "string" }, server: { type: "string" } },
  ({ rows, pairs, server }, named) => {
    const unknown = named.find((name) => !Object.hasOwn(BENCHES, name));
    if (unknown !== undefined) {
      throw new MusterError("invalid", `there is no bench ${unknown}: they are ${Object.keys(BENCHES).join(", ")}`);
    }
    if (server !== undefined && !["mariadb", "mysql"].includes(server)) {
      throw new MusterError("invalid", `--server ${server}: give mariadb or mysql`);
    }
    return {
      benches: named.length > 0 ? named : Object.keys(BENCHES),
      rows: wholeNumber("--rows", rows) ?? ROWS,
      pairs: wholeNumber("--pairs", pairs) ?? PAIRS,
      server,
    };
  },
);

await finish(main);

async function main({ config: { mysqld }, signal }: Context): Promise<Outcome> {
  const installed = await findServers(mysqld, say);
  const programs = installed.filter(
    ({ kind }) => options.server === undefined || kind.toLowerCase() === options.server,
  );
  if (programs.length === 0) {
    throw new MusterError("unavailable", `no ${options.server} server is installed here: set MUSTER_MYSQLD to one`);
  }
  const folder = await mkdtemp(join(tmpdir(), "muster-bench-"));
  try {
    say(`making ${options.rows} rows in ${folder}`);
    const files = await writeFiles(folder, options.rows);
    for (const program of programs) await measureOn(program, files, join(folder, program.kind), signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { status: "succeeded" };
}

async function measureOn(program: ServerProgram, files: Files, folder: string, signal: AbortSignal): Promise<void> {
  const server = await startServer(program, folder, { say, signal });
  try {
    const scratch = join(folder, "scratch");
    await mkdir(scratch);
    const place: Place = { server, kind: program.kind, files, scratch, signal };
    for (const name of options.benches) {
      signal.throwIfAborted();
      const bench = await BENCHES[name]?.(place);
      if (!bench) continue;
      const line = await measurePairs(bench, { pairs: options.pairs, server: server.version, say });
      console.log(JSON.stringify(line));
    }
  } finally {
    await server.stop();
  }
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new MusterError("invalid", `${option} ${text}: give a whole number, at least 1`);
}

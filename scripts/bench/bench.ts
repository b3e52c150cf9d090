/**
 * Measures Muster against the server's own tools, other programs, and code written without Muster. docs/speed.md explains the
 * results.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireSampleTables } from "../../src/codecs/hiring-tables.ts";
import type { ServerProgram } from "../../src/embedded/mysqld.ts";
import { MusterError } from "../../src/errors.ts";
import { dictionary } from "../../src/schema-check.ts";
import { BENCH_NAMES, type BenchName, isBench } from "../commands.ts";
import { say } from "../progress.ts";
import { type Context, finish, type Outcome, readArguments, refuse } from "../run-command.ts";
import { backupBench, dialectBench, importBench, reloadBench, restoreBench } from "./command-benches.ts";
import { type Files, writeFiles } from "./files.ts";
import { type Bench, measurePairs } from "./pairs.ts";
import type { Place } from "./place.ts";
import { findServers, startServer } from "./server.ts";
import { insertBench, readBench, reportBench } from "./service-benches.ts";

const BENCHES: Record<BenchName, (place: Place) => Promise<Bench>> = {
  import: importBench,
  reload: reloadBench,
  dialect: dialectBench,
  backup: backupBench,
  restore: restoreBench,
  insert: insertBench,
  read: readBench,
  report: reportBench,
};

const options = readArguments("bench", ({ rows, pairs, server, alone }, names) => {
  const benches = names.filter(isBench);
  const unknown = names.find((name) => !isBench(name));
  if (unknown !== undefined) {
    refuse(`there is no bench ${unknown}: they are ${BENCH_NAMES.join(", ")}`);
  }
  return { benches: benches.length > 0 ? benches : BENCH_NAMES, rows, pairs, server, alone };
});

await finish(main);

async function main({ config, signal }: Context): Promise<Outcome> {
  requireSampleTables(dictionary.tables, "a bench");
  const installed = await findServers(config.MUSTER_MYSQLD, say);
  const programs = installed.filter(
    ({ kind }) => options.server === undefined || kind.toLowerCase() === options.server,
  );
  if (programs.length === 0) {
    throw new MusterError("unavailable", `no ${options.server} server is installed here: set MUSTER_MYSQLD to one`);
  }
  const failed: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), "muster-bench-"));
  try {
    say(`making ${options.rows} rows in ${folder}`);
    const files = await writeFiles(folder, options.rows);
    for (const program of programs)
      failed.push(...(await measureOn(program, files, join(folder, program.kind), signal)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return failed.length === 0 ? { status: "succeeded" } : { status: "failed", error: failed.join("; ") };
}

/** @returns the peers that failed, and why */
async function measureOn(program: ServerProgram, files: Files, folder: string, signal: AbortSignal): Promise<string[]> {
  const allFailed: string[] = [];
  const server = await startServer(program, folder, { say, signal });
  try {
    const scratch = join(folder, "scratch");
    await mkdir(scratch);
    const place: Place = { server, files, scratch, isFilled: false, signal };
    const { pairs, alone } = options;
    for (const name of options.benches) {
      signal.throwIfAborted();
      const bench = await BENCHES[name](place);
      const how = { name, pairs, alone, server: server.version, say, signal };
      const { line, failed } = await measurePairs(bench, how);
      console.log(JSON.stringify(line));
      allFailed.push(...failed);
    }
    return allFailed;
  } finally {
    await server.stop();
  }
}

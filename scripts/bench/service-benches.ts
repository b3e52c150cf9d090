/**
 * The benches of the running service: insert, read and report. Only requests and statements are timed, not the
 * start (docs/speed.md, How it is measured).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/mysql2";
import { requireSampleTables } from "../../src/codecs/hiring-tables.ts";
import { connect } from "../../src/db/database.ts";
import { until } from "../../src/embedded/server-process.ts";
import { MusterError } from "../../src/errors.ts";
import { quarterlyHires } from "../../src/repositories/report-queries.ts";
import { dictionary } from "../../src/schema-check.ts";
import { CONNECTIONS, REPORTS, ROWS_PER_BATCH, ROWS_PER_PAGE, timedRowsOf } from "./batches.ts";
import type { Bench, Peer } from "./pairs.ts";
import { checked, fillParents, fillTables, type Place } from "./place.ts";
import { type Measured, measure, peakMemory, surroundings } from "./process.ts";

/** Batches of hired_employees over HTTP, against prepared multi-row INSERTs of the same batches, and a plain service. */
export async function insertBench(place: Place): Promise<Bench> {
  const { server, files } = place;
  const file = join(files.clean, "hired_employees.csv");
  const prepare = () => fillParents(place);
  const over = (service: string[]) =>
    checked(place, () => serving(place, service, (url) => client(place, "insert", url, file)));
  return {
    rows: files.good,
    timedRows: timedRowsOf(files.good),
    ours: { prepare, run: over(MUSTER) },
    peers: [
      {
        name: `prepared INSERTs of ${ROWS_PER_BATCH} rows with mysql2, ${CONNECTIONS} connections`,
        side: { prepare, run: checked(place, () => bareDriver(place, "insert", file)) },
      },
      { name: PLAIN, side: { prepare, run: over(plainService(server.socket)) } },
    ],
  };
}

/** Pages of hired_employees over HTTP, against the same statement behind a bare server, and against a plain service. */
export async function readBench(place: Place): Promise<Bench> {
  const { server, files } = place;
  await fillTables(place);
  const { rows, good } = files;
  const side = (service: string[]) => ({
    prepare: () => server.settle(),
    run: () => serving(place, service, (url) => client(place, "read", url, String(rows), String(good))),
  });
  const bare: Peer = {
    name: `bare Bun.serve with mysql2, pages of ${ROWS_PER_PAGE}, ${CONNECTIONS} connections`,
    side: side(["scripts/bench/bare-driver.ts", "read", server.socket]),
  };
  return {
    rows: good,
    ours: side(MUSTER),
    peers: [bare, { name: PLAIN, side: side(plainService(server.socket)) }],
  };
}

/** The report by quarter over HTTP, against its statement sent through the driver. */
export async function reportBench(place: Place): Promise<Bench> {
  const { server, files } = place;
  await fillTables(place);
  const statement = JSON.stringify(await reportStatement(server.url));
  const prepare = () => server.settle();
  return {
    rows: files.good,
    timedRows: files.good * REPORTS,
    ours: { prepare, run: () => serving(place, MUSTER, (url) => client(place, "report", url)) },
    peers: [
      {
        name: `the same SQL through mysql2, ${REPORTS} times`,
        side: { prepare, run: () => bareDriver(place, "report", statement) },
      },
    ],
  };
}

/** The statement that Muster sends for the report. It is taken from Muster itself, so that the peer never asks for less. */
async function reportStatement(url: string): Promise<{ query: string; parameters: unknown[] }> {
  const database = await connect(url);
  const sent: { query: string; parameters: unknown[] }[] = [];
  const logger = { logQuery: (query: string, parameters: unknown[]) => void sent.push({ query, parameters }) };
  await quarterlyHires(
    { ...database, db: drizzle(database.pool, { logger }) },
    requireSampleTables(dictionary.tables, "a bench"),
    2021,
  );
  await database.close();
  const [statement] = sent;
  if (!statement) throw new Error("the report sent no statement");
  return statement;
}

const MUSTER = ["src/main.ts"];
/** The service that most teams would write. */
const PLAIN = `a plain service with Hono, zod and drizzle, ${CONNECTIONS} connections`;
const plainService = (socket: string) => ["scripts/bench/plain-service.ts", socket];
const START_MS_MAX = 30_000;

/** Starts a service, runs a client against it, and stops it. @returns the client's time, and the service's memory */
async function serving(
  { server, scratch, signal }: Place,
  service: string[],
  ask: (url: string) => Promise<Measured>,
): Promise<Measured> {
  const log = join(scratch, "service.log");
  await Bun.write(log, "");
  const environment = { DATABASE_URL: server.url, BACKUP_STORE: join(scratch, "backups"), PORT: "0" };
  // The log goes to a file, as it does under a service manager.
  const command = { arguments: [process.execPath, ...service], environment, signal };
  const child = Bun.spawn(command.arguments, { ...surroundings(command), stdout: Bun.file(log), stderr: "inherit" });
  try {
    const address = () => /serves (http:\/\/[\d.:]+)/.exec(readFileSync(log, "utf8"))?.[1];
    const url = await until(START_MS_MAX, async () => (child.exitCode === null ? address() : "ended"));
    if (url === undefined || url === "ended") throw new MusterError("unavailable", `${service[0]} does not start`);
    const measured = await ask(url);
    return { ...measured, rssMb: peakMemory(child.pid) };
  } finally {
    child.kill();
    await child.exited;
  }
}

function client({ signal }: Place, ...words: string[]): Promise<Measured> {
  return reported({ arguments: [process.execPath, "scripts/bench/client.ts", ...words], signal });
}

function bareDriver({ server, signal }: Place, bench: string, what: string): Promise<Measured> {
  return reported({
    arguments: [process.execPath, "scripts/bench/bare-driver.ts", bench, server.socket, what],
    signal,
  });
}

/** Runs a process that prints the seconds it measured itself. */
async function reported(command: Parameters<typeof measure>[0]): Promise<Measured> {
  const measured = await measure(command);
  return { ...measured, ...(JSON.parse(measured.stdout) as { seconds: number }) };
}

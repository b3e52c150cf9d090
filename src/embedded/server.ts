/**
 * The private server, which Muster uses if DATABASE_URL is not set. All commands in one folder share it: the first one starts
 * it, the last one stops it. Each holds a file lock, which the kernel releases if its process dies.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { MusterError } from "../errors.ts";
import { type FileLock, lockAlone, lockShared } from "./file-lock.ts";
import { findProgram } from "./mysqld.ts";
import {
  createData,
  type Place,
  placeOf,
  readRecord,
  refuseOtherKind,
  type ServerRecord,
  socketPath,
  writeRecord,
} from "./server-data.ts";
import { isUp, serves, startProcess, stopProcess, until } from "./server-process.ts";

/** Milliseconds to wait while another command installs, starts or stops the server. */
const TURN_MS_MAX = 300_000;

const SETTINGS = [
  "--skip-networking",
  "--skip-name-resolve",
  "--skip-log-bin",
  "--performance-schema=OFF",
  "--innodb-buffer-pool-size=256M",
  "--local-infile=1",
  "--character-set-server=utf8mb4",
  "--collation-server=utf8mb4_unicode_ci",
];

export interface ServerOptions {
  /** The server's program (MUSTER_MYSQLD); undefined to look for one. */
  mysqld?: string | undefined;
  say(line: string): void;
  /** More options for the server if this call starts it. They override SETTINGS. */
  args?: string[];
}

export interface EmbeddedServer {
  /** Database `muster` over the server's socket. */
  url: string;
  /** Such as "MariaDB 10.11.19". */
  version: string;
  /** Stops using the server. The last command that does so stops the server, and waits until it has ended. */
  stop(): Promise<void>;
}

/**
 * Joins the server whose data are in `folder`. It starts the server if it is down, and creates the data if there are none.
 * @throws MusterError `unavailable` if there is no server program or it does not start, `conflict` if the data were created
 *   by the other kind of server
 */
export async function joinServer(folder: string, options: ServerOptions): Promise<EmbeddedServer> {
  const place = placeOf(folder);
  return inTurn(place, async () => {
    const server = (await runningServer(place, options)) ?? (await startServer(place, options));
    const user = lockShared(place.users);
    let left: Promise<void> | undefined;
    return {
      url: `mysql://root@localhost/muster?socket=${encodeURIComponent(server.socket)}`,
      version: `${server.kind} ${server.version}`,
      stop: () => {
        left ??= leave(place, server, user);
        return left;
      },
    };
  });
}

async function inTurn<T>(place: Place, work: () => Promise<T>): Promise<T> {
  const turn = await until(TURN_MS_MAX, async () => lockAlone(place.turn));
  if (!turn) {
    throw new MusterError(
      "unavailable",
      `another command has been starting or stopping the server in ${place.folder} for 5 minutes: check what it does`,
    );
  }
  try {
    return await work();
  } finally {
    turn.release();
  }
}

async function runningServer(place: Place, options: ServerOptions): Promise<ServerRecord | undefined> {
  const server = readRecord(place.data);
  if (!server || !(await isUp(server.pid, { ...place, socket: server.socket }))) return undefined;
  if (options.mysqld) refuseOtherKind(place, server, await findProgram(options.mysqld, options.say));
  return server;
}

async function startServer(place: Place, options: ServerOptions): Promise<ServerRecord> {
  const program = await findProgram(options.mysqld, options.say);
  // MariaDB deletes the temporary files of all servers in its temporary directory when it starts. So this server has its own.
  const temporary = join(place.folder, "mysql.tmp");
  fs.mkdirSync(temporary, { recursive: true, mode: 0o700 });
  const settings = [...SETTINGS, `--tmpdir=${temporary}`, ...(options.args ?? [])];
  const made = readRecord(place.data);
  if (made) refuseOtherKind(place, made, program);
  else await createData(place, program, settings, options.say);

  const { kind, version } = program;
  const server: ServerRecord = { kind, version, pid: 0, socket: socketPath(place) };
  await startProcess(program, { ...place, socket: server.socket }, settings, (pid) => {
    server.pid = pid;
    writeRecord(place.data, server);
  });
  return server;
}

async function leave(place: Place, joined: ServerRecord, user: FileLock): Promise<void> {
  user.release();
  if (!fs.existsSync(place.data)) {
    // The folder was deleted, so the server has nothing left to write.
    if (serves(joined.pid, place.data)) process.kill(joined.pid, "SIGKILL");
    return;
  }
  await inTurn(place, async () => {
    const unused = lockAlone(place.users);
    if (!unused) return;
    unused.release();
    // The record is read again. After a crash, another command may have started a new process.
    const server = readRecord(place.data);
    if (server) await stopProcess(server.pid, place);
  });
}

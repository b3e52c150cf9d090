/** The folder of the private server: its paths, its data, and the record of which server created them. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../errors.ts";
import { initialise, type ServerProgram } from "./mysqld.ts";

/** A Unix socket's path may have 107 bytes on Linux, and 103 on macOS. */
const SOCKET_PATH_BYTES_MAX = 103;

export interface Place {
  folder: string;
  data: string;
  log: string;
  /** The file of a lock that a command holds exclusively while it starts or stops the server. */
  turn: string;
  /** The file of a lock that is shared by all commands that use the server. */
  users: string;
}

/** The record in the data's folder: which server created the data, and its last process, which may have ended. */
export interface ServerRecord {
  kind: ServerProgram["kind"];
  version: string;
  pid: number;
  socket: string;
}

export function placeOf(folder: string): Place {
  try {
    fs.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new MusterError(
      "unavailable",
      `${folder} cannot be created in ${process.cwd()}: call Muster in a folder that can be written, or set DATABASE_URL`,
      {
        cause: error,
      },
    );
  }
  // Symbolic links are resolved, because serves() recognises the server's process by this path.
  const root = fs.realpathSync(folder);
  const at = (name: string) => join(root, name);
  return { folder: root, data: at("mysql"), log: at("mysql.log"), turn: at("mysql.turn"), users: at("mysql.users") };
}

/** Creates the data in another directory, then moves them. A command that is killed leaves no incomplete data in place. */
export async function createData(
  place: Place,
  program: ServerProgram,
  settings: string[],
  say: (line: string) => void,
): Promise<void> {
  for (const name of fs.readdirSync(place.folder).filter((each) => each.startsWith("mysql.new-"))) {
    fs.rmSync(join(place.folder, name), { recursive: true });
  }
  const { kind, version } = program;
  say(`Creating a ${kind} ${version} database in ${place.folder}`);
  const folder = fs.mkdtempSync(join(place.folder, "mysql.new-"));
  const data = join(folder, "data");
  await initialise(program, data, settings);
  fs.chmodSync(data, 0o700);
  writeRecord(data, { kind, version, pid: 0, socket: "" });
  fs.renameSync(data, place.data);
  fs.rmdirSync(folder);
}

export function refuseOtherKind(place: Place, made: ServerRecord, found: ServerProgram): void {
  if (made.kind === found.kind) return;
  throw new MusterError(
    "conflict",
    `the database in ${place.data} was created by ${made.kind} ${made.version}, and ${found.path} is ${found.kind} ` +
      `${found.version}: set MUSTER_MYSQLD to a ${made.kind} server, or delete ${place.data} to start with an empty database`,
  );
}

const recordPath = (data: string) => join(data, "muster.json");

/**
 * Reads the record. Undefined if there are no data.
 * @throws MusterError `conflict` if data exist but their record cannot be read. Such data are never overwritten
 */
export function readRecord(data: string): ServerRecord | undefined {
  if (!fs.existsSync(data)) return undefined;
  try {
    return JSON.parse(fs.readFileSync(recordPath(data), "utf8"));
  } catch (error) {
    throw new MusterError("conflict", `${recordPath(data)} cannot be read, so ${data} is left alone: move it away`, {
      cause: error,
    });
  }
}

export function writeRecord(data: string, server: ServerRecord): void {
  const beside = `${recordPath(data)}.new`;
  fs.writeFileSync(beside, `${JSON.stringify(server)}\n`);
  fs.renameSync(beside, recordPath(data));
}

/**
 * The path of the socket: in the data's folder if that path is short enough, otherwise in a private temporary directory that is
 * named after the hash of the folder.
 */
export function socketPath(place: Place): string {
  const path = join(place.data, "mysql.sock");
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  const name = createHash("sha256").update(place.folder).digest("hex").slice(0, 16);
  const directory = join(tmpdir(), `muster-${name}`);
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = fs.lstatSync(directory);
  // Another user can create a directory of that name, and could then answer as the server.
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new MusterError(
      "unavailable",
      `${directory} does not belong to this user alone: remove it, or set TMPDIR elsewhere`,
    );
  }
  return join(directory, "mysql.sock");
}

import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connectOnce } from "../src/db/database.ts";
import { joinServer } from "../src/embedded/server.ts";
import { until } from "./support/observe.ts";
import { mysqld, program } from "./support/server.ts";

const root = mkdtempSync(join(tmpdir(), "muster-embedded-"));
const folder = join(root, "data");
const record = join(folder, "mysql/muster.json");
const options = { mysqld, say: () => {} };

afterAll(() => rmSync(root, { recursive: true }));

test("a first start that was killed does not hinder the next", async () => {
  const killed = participant();
  await until(() => existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("mysql.new-")));
  killed.kill("SIGKILL");
  await killed.exited;
  expect(existsSync(join(folder, "mysql"))).toBe(false);

  const server = await joinServer(folder, options);
  await query(server.url, "CREATE DATABASE kept");
  await query(server.url, "CREATE TABLE kept.rows_of_it (id int PRIMARY KEY)");
  await server.stop();
  expect(readdirSync(folder).filter((name) => name.startsWith("mysql.new-"))).toEqual([]);
});

test("commands that start at once share one server, and the last one to end stops it", async () => {
  const commands = [participant(), participant(), participant()];
  const pids = new Set(await Promise.all(commands.map(serverPid)));
  expect(pids.size).toBe(1);
  const [pid = 0] = pids;
  for (const command of commands) {
    expect(alive(pid)).toBe(true);
    command.stdin.end();
    expect(await command.exited).toBe(0);
  }
  expect(alive(pid)).toBe(false);
});

test("a killed command keeps the server neither running nor from the next command", async () => {
  const [first, second] = [participant(), participant()];
  const pid = await serverPid(first);
  await serverPid(second);
  first.kill("SIGKILL");
  await first.exited;
  second.stdin.end();
  await second.exited;
  expect(alive(pid)).toBe(false);

  const alone = participant();
  const left = await serverPid(alone);
  alone.kill("SIGKILL");
  await alone.exited;
  expect(alive(left)).toBe(true);
  const next = await joinServer(folder, options);
  expect(recorded().pid).toBe(left);
  await next.stop();
  expect(alive(left)).toBe(false);
});

test("a server that was killed is started again with its rows, and the command that used it can still end", async () => {
  const before = await joinServer(folder, options);
  // Only its user may reach it.
  expect(statSync(dirname(recorded().socket)).mode & 0o777).toBe(0o700);
  expect(await query(before.url, "SELECT @@skip_networking AS skipped")).toEqual([{ skipped: 1 }]);
  await query(before.url, "INSERT INTO kept.rows_of_it VALUES (1)");
  const { pid } = recorded();
  process.kill(pid, "SIGKILL");
  const after = await joinServer(folder, options);
  expect(recorded().pid).not.toBe(pid);
  expect(await query(after.url, "SELECT id FROM kept.rows_of_it")).toEqual([{ id: 1 }]);
  await after.stop();
  expect(alive(recorded().pid)).toBe(true);
  await before.stop();
  expect(alive(recorded().pid)).toBe(false);
});

test("a command waits for a server that is shutting down, and starts another", async () => {
  const old = await joinServer(folder, options);
  process.kill(recorded().pid, "SIGTERM");
  // For a moment the old server still takes connections.
  const answers = () =>
    query(old.url, "SELECT 1 AS one").then(
      () => true,
      () => false,
    );
  await until(async () => !(await answers()));
  const server = await joinServer(folder, options);
  expect(await query(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  await server.stop();
  await old.stop();
});

test("files left by a machine that lost power are not taken for a running server", async () => {
  const { socket } = recorded();
  // A process with that id runs, but it is this one.
  writeFileSync(record, JSON.stringify({ ...recorded(), pid: process.pid }));
  writeFileSync(socket, "");
  writeFileSync(`${socket}.lock`, String(process.pid));
  const server = await joinServer(folder, options);
  expect(recorded().pid).not.toBe(process.pid);
  await server.stop();
});

test("a folder whose path is too long for a socket works too", async () => {
  const deep = join(root, "d".repeat(120), "data");
  mkdirSync(dirname(deep));
  renameSync(folder, deep);
  const server = await joinServer(deep, options);
  expect(await query(server.url, "SELECT id FROM kept.rows_of_it")).toEqual([{ id: 1 }]);
  const { socket } = recorded(deep);
  expect(Buffer.byteLength(socket)).toBeLessThan(108);
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
  await server.stop();
  rmSync(dirname(socket), { recursive: true });
  renameSync(deep, folder);
});

test("data made by the other kind of server (MySQL, MariaDB) are refused by name and not touched", async () => {
  const other = program.kind === "MySQL" ? "MariaDB" : "MySQL";
  const made = readFileSync(record, "utf8");
  const foreign = JSON.stringify({ ...JSON.parse(made), kind: other, version: "1.2.3" });
  writeFileSync(record, foreign);
  await expect(joinServer(folder, options)).rejects.toThrow(
    `created by ${other} 1.2.3, and ${program.path} is ${program.kind} ${program.version}: set MUSTER_MYSQLD`,
  );
  expect(readFileSync(record, "utf8")).toBe(foreign);
  writeFileSync(record, made);
});

test("a data folder of unknown origin is left alone", async () => {
  const made = readFileSync(record, "utf8");
  writeFileSync(record, "");
  await expect(joinServer(folder, options)).rejects.toThrow("left alone");
  expect(existsSync(join(folder, "mysql/ibdata1"))).toBe(true);
  writeFileSync(record, made);
});

test("if the server does not start, one line says why", async () => {
  const attempt = joinServer(folder, { ...options, args: ["--no-such-setting=1"] });
  await expect(attempt).rejects.toThrow(/^.* does not start: .*no-such-setting.* \(see .*mysql\.log\)$/);
});

test("a MUSTER_MYSQLD that is no server is refused by name", async () => {
  await expect(joinServer(folder, { ...options, mysqld: "/no/such/mysqld" })).rejects.toThrow(
    "/no/such/mysqld is not a program",
  );
  await expect(joinServer(folder, { ...options, mysqld: "/bin/true" })).rejects.toThrow("/bin/true is neither");
});

function participant() {
  const script = join(import.meta.dir, "support/participant.ts");
  const command = [process.execPath, script, folder, ...(mysqld ? [mysqld] : [])];
  return Bun.spawn(command, { stdin: "pipe", stdout: "pipe" });
}

async function serverPid(command: ReturnType<typeof participant>): Promise<number> {
  const { value } = await command.stdout.getReader().read();
  return Number(new TextDecoder().decode(value));
}

function recorded(at = folder): { pid: number; socket: string } {
  return JSON.parse(readFileSync(join(at, "mysql/muster.json"), "utf8"));
}

async function query(url: string, statement: string): Promise<unknown> {
  const connection = await connectOnce(url);
  const [rows] = await connection.query(statement);
  await connection.end();
  return rows;
}

/** Whether a process has ended. A zombie has: in a container nobody may ask for its exit status. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync("/proc/self") || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

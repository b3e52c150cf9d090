/** A group of three MySQL servers whose members are killed with kill -9 and rejoin. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { ROOT } from "../support/commands.ts";
import { folderOf } from "../support/files.ts";
import { until } from "../support/observe.ts";

/** The script that starts a group: `start DIR PORT`, `stop DIR`. It keeps the process number of member I in DIR/I.pid. */
const SCRIPT = process.env.MUSTER_GROUP ?? join(ROOT, "../shared/mysql/group");
/** Its members listen on these ports after the first one: for clients, and for each other. */
const OFFSETS = [0, 1, 2, 10, 11, 12];
const MEMBERS = [0, 1, 2];

/** A cluster of three servers, of which one at a time is killed. */
export interface Cluster {
  /** Names all three members. */
  url: string;
  /** The URL of each member alone. */
  urls: string[];
  /** Kills the primary, at once. It returns when the process is gone, before the others have elected another one. */
  killPrimary(): Promise<void>;
  /** Waits until a member is the primary and takes writes. */
  elected(): Promise<void>;
  /** Starts the killed member again, and waits until all three are in the group. */
  rejoin(): Promise<void>;
  stop(): Promise<void>;
}

export interface Group extends Cluster {
  /** Runs a statement on every member. */
  everywhere(statement: string): Promise<void>;
  /** Kills all members but the primary, at once. */
  killOthers(): Promise<void>;
}

export async function startGroup(database: string): Promise<Group> {
  const folder = join(await folderOf({}), "group");
  const first = await freePorts(OFFSETS);
  const address = (member: number) => `127.0.0.1:${first + member}`;
  const url = (hosts: string) => `mysql://root@${hosts}/${database}`;
  await script("start", folder, `${first}`);
  let killed: { member: number; command: string[] } | undefined;

  const pidOf = (member: number) => Number(readFileSync(join(folder, `${member}.pid`), "utf8"));
  const ask = (member: number, statement: string) => query(first + member, statement);
  /** The member that takes writes; undefined while there is none. */
  const primary = async () => {
    for (const member of MEMBERS) {
      const [own] = await ask(member, OWN_ROLE).catch(() => []);
      if (own?.role === "PRIMARY" && own.state === "ONLINE" && own.readOnly === 0) return { member };
    }
    return undefined;
  };

  return {
    url: url(MEMBERS.map(address).join(",")),
    urls: MEMBERS.map((member) => url(address(member))),
    async everywhere(statement) {
      for (const member of MEMBERS) await ask(member, statement);
    },
    async killOthers() {
      const { member } = await until(primary);
      for (const other of MEMBERS) if (other !== member) process.kill(pidOf(other), "SIGKILL");
    },
    async killPrimary() {
      const { member } = await until(primary);
      const pid = pidOf(member);
      killed = { member, command: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1) };
      process.kill(pid, "SIGKILL");
      await until(() => !isAlive(pid));
    },
    async elected() {
      await until(primary);
    },
    async rejoin() {
      if (!killed) return;
      const { member, command } = killed;
      killed = undefined;
      Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"] }).unref();
      await until(() => ask(member, "START GROUP_REPLICATION").catch(() => undefined));
      await until(async () => {
        const [seen] = await ask(member, ONLINE).catch(() => []);
        return seen?.online === MEMBERS.length;
      });
    },
    async stop() {
      await script("stop", folder);
    },
  };
}

const OWN_ROLE = `SELECT member_role AS role, member_state AS state, @@super_read_only AS readOnly
  FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid`;
const ONLINE = `SELECT COUNT(*) AS online
  FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'`;

async function query(port: number, statement: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ host: "127.0.0.1", port, user: "root", connectTimeout: 2_000 });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(statement);
    return rows;
  } finally {
    connection.destroy();
  }
}

async function script(...words: string[]): Promise<void> {
  // The servers keep its output open, so it is not read to its end.
  const child = Bun.spawn(["sh", SCRIPT, ...words], { stdio: ["ignore", "ignore", "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`${SCRIPT} ${words.join(" ")} failed: set MUSTER_GROUP to its path`);
}

/** A port. It and the ports at these distances from it are free. */
export async function freePorts(offsets: number[]): Promise<number> {
  return until(async () => {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all(offsets.map((offset) => isFree(first + offset)));
    return free.every(Boolean) && first;
  });
}

const isFree = (port: number) =>
  new Promise<boolean>((answer) => {
    const probe = createServer();
    probe.on("error", () => answer(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => answer(true)));
  });

/** A killed process whose parent has not noticed its end counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

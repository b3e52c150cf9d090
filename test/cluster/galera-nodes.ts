/** A MariaDB Galera cluster of three nodes, of which one at a time is killed with kill -9 and comes back. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { folderOf } from "../support/files.ts";
import { until } from "../support/observe.ts";
import { mysqld } from "../support/server.ts";
import { type Cluster, freePorts, isAlive } from "./members.ts";

/** Where Debian's packages galera-4, mariadb-server, mariadb-backup and socat are unpacked: the system, if they are installed. */
const ROOT = process.env.MUSTER_GALERA ?? "/";
/** Nodes start these packages' programs by name, when they come back. */
const ENVIRONMENT = {
  PATH: `${join(ROOT, "usr/bin")}:${process.env.PATH}`,
  LD_LIBRARY_PATH: join(ROOT, "usr/lib/x86_64-linux-gnu"),
};
const NODES = [0, 1, 2];
/** A node's ports: for clients, for the other nodes, for what it missed, and for a copy of all data. */
const PORTS_PER_NODE = 4;
const AS_ROOT = process.getuid?.() === 0 ? ["--user=root"] : [];

export async function startGalera(database: string): Promise<Cluster> {
  const folder = await folderOf({});
  const first = await freePorts(Array.from({ length: NODES.length * PORTS_PER_NODE }, (_, offset) => offset));
  const nodes = NODES.map((number) => new Node(folder, first, number));
  const [founder, ...others] = nodes as [Node, Node, Node];
  for (const node of nodes) await node.configure();
  await founder.install();
  await founder.start(["--wsrep-new-cluster"]);
  await founder.stop();
  // The others begin with a copy of its data, so that no node has to send all of it.
  for (const { data } of others) await cp(founder.data, data, { recursive: true });
  await founder.start(["--wsrep-new-cluster"]);
  for (const node of others) await node.start();

  const ready = async () => {
    for (const node of nodes) if (await node.isReady()) return node;
    return undefined;
  };
  const url = (hosts: string) => `mysql://root@${hosts}/${database}`;
  let killed: Node | undefined;
  return {
    url: url(nodes.map(({ address }) => address).join(",")),
    urls: nodes.map(({ address }) => url(address)),
    async killPrimary() {
      killed = await until(ready);
      await killed.kill();
    },
    async elected() {
      await until(ready);
    },
    async rejoin() {
      await killed?.start(await killed.position());
      killed = undefined;
    },
    async stop() {
      for (const node of nodes) await node.stop();
    },
  };
}

class Node {
  readonly data: string;
  readonly address: string;
  readonly #port: number;
  readonly #settings: string[];
  #pid = 0;

  get #file() {
    return `${this.data}.cnf`;
  }

  /** The program with what it is started with each time. */
  get #server() {
    return [mysqld ?? "mariadbd", `--defaults-file=${this.#file}`, ...AS_ROOT];
  }

  constructor(folder: string, first: number, number: number) {
    const portOf = (node: number) => first + node * PORTS_PER_NODE;
    this.#port = portOf(number);
    this.data = join(folder, `${number}`);
    this.address = `127.0.0.1:${this.#port}`;
    const peers = NODES.map((node) => `127.0.0.1:${portOf(node) + 1}`);
    const provider = [
      `gmcast.listen_addr=tcp://${peers[number]}`,
      `ist.recv_addr=127.0.0.1:${this.#port + 2}`,
      "evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S",
    ];
    this.#settings = [
      ...[`datadir=${this.data}`, `port=${this.#port}`, "bind_address=127.0.0.1", `socket=${this.data}.sock`],
      ...["local_infile=1", "binlog_format=ROW", "innodb_autoinc_lock_mode=2", "innodb_flush_log_at_trx_commit=1"],
      ...["wsrep_on=ON", "wsrep_cluster_name=muster"],
      `wsrep_provider=${join(ROOT, "usr/lib/galera/libgalera_smm.so")}`,
      ...[`wsrep_cluster_address=gcomm://${peers}`, `wsrep_node_address=${peers[number]}`],
      ...[`wsrep_provider_options="${provider.join(";")}"`, "wsrep_sst_method=mariabackup", "wsrep_sst_auth=root:"],
      `wsrep_sst_receive_address=127.0.0.1:${this.#port + 3}`,
      // What docs/scale.md tells to set.
      ...["wsrep_auto_increment_control=OFF", "wsrep_sync_wait=1"],
    ];
  }

  async configure(): Promise<void> {
    await Bun.write(this.#file, `[mysqld]\n${this.#settings.join("\n")}\n`);
  }

  async install(): Promise<void> {
    const words = ["--no-defaults", ...AS_ROOT, `--datadir=${this.data}`, "--auth-root-authentication-method=normal"];
    await finished(["mariadb-install-db", ...words, "--skip-test-db"]);
  }

  async start(more: string[] = []): Promise<void> {
    const child = Bun.spawn([...this.#server, `--log-error=${this.data}.log`, ...more], {
      env: ENVIRONMENT,
      stdout: "ignore",
      stderr: "ignore",
    });
    this.#pid = child.pid;
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`the node ended: see ${this.data}.log`);
      return this.isReady();
    });
  }

  async kill(): Promise<void> {
    process.kill(this.#pid, "SIGKILL");
    await until(() => !isAlive(this.#pid));
  }

  async stop(): Promise<void> {
    if (!isAlive(this.#pid)) return;
    process.kill(this.#pid, "SIGTERM");
    await until(() => !isAlive(this.#pid));
    await rm(`${this.data}.sock`, { force: true });
  }

  /** Where the data of a killed node ends. It gets what follows from another node. */
  async position(): Promise<string[]> {
    const log = `${this.data}.recovered`;
    await finished([...this.#server, "--wsrep-recover", `--log-error=${log}`]);
    const [, position] = /Recovered position: *(\S+)/.exec(await Bun.file(log).text()) ?? [];
    return [`--wsrep-start-position=${position}`];
  }

  /** Whether the node has its cluster and has caught up. */
  async isReady(): Promise<boolean> {
    const options = { host: "127.0.0.1", port: this.#port, user: "root", connectTimeout: 2_000 };
    const connection = await createConnection(options).catch(() => undefined);
    const asked = connection?.query<RowDataPacket[]>("SHOW STATUS LIKE 'wsrep_local_state_comment'");
    const [rows] = (await asked?.catch(() => undefined)) ?? [];
    connection?.destroy();
    return rows?.[0]?.Value === "Synced";
  }
}

async function finished(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { env: ENVIRONMENT, stdout: "ignore", stderr: "ignore" });
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} ended with ${child.exitCode}`);
}

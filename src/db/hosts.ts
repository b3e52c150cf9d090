/** Finds out to which host of a cluster Muster connects. */
import { Socket } from "node:net";
import { type ConnectionOptions, createConnection } from "mysql2/promise";
import { driverError, locate } from "./driver-errors.ts";
import { type PasswordSource, signIn } from "./password.ts";
import { READ_ONLY_SETTINGS, readOnlyBy } from "./requirements.ts";
import type { Host } from "./url.ts";

/** For this long, new connections go to the host that was found for an earlier connection. */
const FOUND_MS = 1_000;
/** Connect timeout for each host. All hosts together must answer within the timeout of the pool. */
const ASK_MS_MAX = 2_000;

/** Whether a server is a Galera node (a variable), and whether that node has its cluster (a status). */
const GALERA = "wsrep_on";
const GALERA_READY = "wsrep_ready";

interface Shown {
  Variable_name: string;
  Value: string;
}

/** Where a pool's connections go. */
export interface Route {
  options: ConnectionOptions;
  /** Forgets which host takes writes. The next connection asks again. */
  forget(): void;
}

/**
 * Routes a pool's connections, and reads the password anew for each if it has a source. If there are several hosts, each new
 * connection first finds out which of them takes writes. So a service follows its cluster to a new primary. If none takes
 * writes, the connection goes to a host that answers.
 * @throws the driver's error if no host answers
 */
export async function routeTo(hosts: Host[], options: ConnectionOptions, password?: PasswordSource): Promise<Route> {
  let host = await writableHost(hosts, options, password);
  if (hosts.length === 1 && !password) return { options: host, forget() {} };
  let asked = { at: performance.now(), found: Promise.resolve(host) };
  const stream = ({ config }: { config: ConnectionOptions }) => {
    const at = performance.now();
    if (at - asked.at > FOUND_MS && hosts.length > 1)
      asked = { at, found: writableHost([host, ...hosts], options, password) };
    const socket = new Socket().setNoDelay(true).setKeepAlive(true);
    const connect = ([found, read]: [Host, string | undefined]) => {
      host = found;
      // TLS checks the certificate against the host name in the config.
      Object.assign(config, found, read !== undefined && { password: read });
      if (found.socketPath) socket.connect(found.socketPath);
      else socket.connect(found.port ?? 0, found.host ?? "");
    };
    Promise.all([asked.found, password?.read()]).then(connect, (error) => socket.destroy(error));
    return socket;
  };
  return {
    options: { ...host, stream, connectTimeout: (options.connectTimeout ?? 0) + (password?.msMax ?? 0) },
    forget() {
      asked.at = Number.NEGATIVE_INFINITY;
    },
  };
}

/**
 * The first host that answers and takes writes. All members of a cluster but its primary are read-only. If none takes writes,
 * this is the first host that answers, because it can serve reads. A Galera node that has lost its cluster answers too, but
 * serves nothing: it comes last.
 * @throws the last host's error if no host answers
 */
export async function writableHost(
  hosts: Host[],
  options: ConnectionOptions,
  password?: PasswordSource,
): Promise<Host> {
  const [only, ...others] = hosts;
  if (only && others.length === 0) return only;
  let failure: unknown;
  let reader: Host | undefined;
  let detached: Host | undefined;
  for (const host of hosts) {
    try {
      const connection = await signIn(password, (login) =>
        createConnection({ ...options, ...host, ...login, connectTimeout: ASK_MS_MAX }),
      );
      const names = [...READ_ONLY_SETTINGS, GALERA];
      const [rows] = await connection.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN (?)", [names]);
      const [status] = await connection.query("SHOW GLOBAL STATUS WHERE Variable_name = ?", [GALERA_READY]);
      await connection.end();
      const shown = new Map(
        [...(rows as Shown[]), ...(status as Shown[])].map((row) => [row.Variable_name, row.Value]),
      );
      if (shown.get(GALERA) === "ON" && shown.get(GALERA_READY) === "OFF") detached ??= host;
      else if (readOnlyBy(shown) === undefined) return host;
      else reader ??= host;
    } catch (error) {
      if (!driverError(error)) throw error;
      failure = locate(error, host);
    }
  }
  const last = reader ?? detached;
  if (last) return last;
  throw failure;
}

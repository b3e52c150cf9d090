/** Which host of a cluster is connected to. */
import { Socket } from "node:net";
import { type ConnectionOptions, createConnection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { driverError, locate } from "./errors.ts";
import type { Host } from "./url.ts";

/** Connections that are opened together ask once which host takes writes. */
const FOUND_MS = 1_000;
/** Of one that is asked: all of them together must answer before whoever waits for a connection gives up. */
const ASK_MS_MAX = 2_000;

/** Where a pool's connections go. */
export interface Route {
  options: ConnectionOptions;
  /** The next connection asks anew which host takes writes. */
  forget(): void;
}

/**
 * To the only host, or, of several, to the one that takes writes when each connection is opened. So a service follows its
 * cluster to another primary.
 * @throws the driver's error where none answers, MusterError `unavailable` where none takes writes
 */
export async function routeTo(hosts: Host[], options: ConnectionOptions): Promise<Route> {
  let host = await writableHost(hosts, options);
  if (hosts.length === 1) return { options: host, forget() {} };
  let asked = { at: performance.now(), found: Promise.resolve(host) };
  const stream = ({ config }: { config: ConnectionOptions }) => {
    const at = performance.now();
    if (at - asked.at > FOUND_MS) asked = { at, found: writableHost([host, ...hosts], options) };
    const socket = new Socket().setNoDelay(true);
    const connect = (found: Host) => {
      host = found;
      // TLS asks for the certificate of this name.
      Object.assign(config, found);
      socket.connect(found.port ?? 0, found.host ?? "");
    };
    asked.found.then(connect, (error) => socket.destroy(error));
    return socket;
  };
  return {
    options: { ...host, stream },
    forget() {
      asked.at = Number.NEGATIVE_INFINITY;
    },
  };
}

/** The first host that answers and takes writes, else the last error. A cluster's other members are read-only. */
export async function writableHost(hosts: Host[], options: ConnectionOptions): Promise<Host> {
  const [only, ...others] = hosts;
  if (only && others.length === 0) return only;
  let failure: unknown = new MusterError("unavailable", "none of the hosts of DATABASE_URL takes writes");
  for (const host of hosts) {
    try {
      const connection = await createConnection({ ...options, ...host, connectTimeout: ASK_MS_MAX });
      const [rows] = await connection.query("SELECT @@global.read_only AS readOnly");
      await connection.end();
      if (!(rows as { readOnly: number }[])[0]?.readOnly) return host;
    } catch (error) {
      if (!driverError(error)) throw error;
      failure = locate(error, host);
    }
  }
  throw failure;
}

/** A TiDB server for all tests, with its storage in the same process and its data in a folder of its own. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectOnce } from "../../src/db/database.ts";
import type { EmbeddedServer } from "../../src/embedded/server.ts";
import { until } from "../../src/embedded/server-process.ts";
import { freePort } from "./free-port.ts";

const START_MS_MAX = 120_000;

/** The process that starts the server tells its children the address by this variable. */
const ADDRESS = "MUSTER_TIDB_ADDRESS";

/** Joins the TiDB server that a parent process has started, or starts one with this program. */
export async function joinTidb(program: string): Promise<EmbeddedServer> {
  const joined = process.env[ADDRESS];
  const { url, stop } = joined === undefined ? await startTidb(program) : { url: joined, stop: async () => {} };
  process.env[ADDRESS] = url;
  const connection = await connectOnce(url);
  const [[row]] = (await connection.query("SELECT VERSION() AS version")) as unknown as [{ version: string }[]];
  await connection.end();
  return { url, version: `TiDB ${row?.version}`, stop };
}

/**
 * @param configuration a file in TOML
 * @returns its address, and what ends the server and removes its data
 */
export async function startTidb(
  program: string,
  configuration?: string,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "muster-tidb-test-"));
  await mkdir(join(folder, "temporary"));
  const socket = join(folder, "s");
  const [port, status] = [await freePort(), await freePort()];
  const places = ["-path", join(folder, "data"), "-temp-dir", join(folder, "temporary"), "-socket", socket];
  const addresses = ["-host", "127.0.0.1", "-P", `${port}`, "-status-host", "127.0.0.1", "-status", `${status}`];
  const log = ["-log-file", join(folder, "log"), "-log-slow-query", join(folder, "slow.log"), "-L", "error"];
  const settings = configuration === undefined ? [] : ["-config", configuration];
  const child = Bun.spawn([program, "-store", "unistore", ...settings, ...places, ...addresses, ...log], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
    await rm(folder, { recursive: true, force: true });
  };
  const url = `mysql://root@localhost/muster?socket=${encodeURIComponent(socket)}`;
  const isUp = async () => {
    if (child.exitCode !== null) throw new Error(`TiDB ended by itself: see ${join(folder, "log")}`);
    const connection = await connectOnce(url).catch(() => undefined);
    await connection?.query("CREATE DATABASE IF NOT EXISTS muster");
    // Without it TiDB accepts CHECK constraints and ignores them.
    await connection?.query("SET GLOBAL tidb_enable_check_constraint = ON");
    await connection?.end();
    return connection;
  };
  if (!(await until(START_MS_MAX, isUp))) {
    await stop();
    throw new Error(`TiDB did not answer within ${START_MS_MAX / 1000} s`);
  }
  return { url, stop };
}

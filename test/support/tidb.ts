/** A TiDB server for all tests, with its storage in the same process and its data in a folder of its own. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectOnce } from "../../src/db/database.ts";
import type { EmbeddedServer } from "../../src/embedded/server.ts";
import { until } from "../../src/embedded/server-process.ts";

const START_MS_MAX = 120_000;

/** The process that starts the server tells its children the address by this variable. */
const ADDRESS = "MUSTER_TIDB_ADDRESS";

/** Joins the TiDB server that a parent process has started, or starts one with this program. */
export async function joinTidb(program: string): Promise<EmbeddedServer> {
  const started = process.env[ADDRESS] === undefined ? await startTidb(program) : undefined;
  const url = process.env[ADDRESS] ?? "";
  const connection = await connectOnce(url);
  const [[row]] = (await connection.query("SELECT VERSION() AS version")) as unknown as [{ version: string }[]];
  await connection.end();
  return { url, version: `TiDB ${row?.version}`, stop: async () => started?.() };
}

/** Sets ADDRESS. @returns what ends the server and removes its data */
async function startTidb(program: string): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "muster-tidb-test-"));
  await mkdir(join(folder, "temporary"));
  const socket = join(folder, "s");
  const [port, status] = [await freePort(), await freePort()];
  const places = ["-path", join(folder, "data"), "-temp-dir", join(folder, "temporary"), "-socket", socket];
  const addresses = ["-host", "127.0.0.1", "-P", `${port}`, "-status-host", "127.0.0.1", "-status", `${status}`];
  const log = ["-log-file", join(folder, "log"), "-log-slow-query", join(folder, "slow.log"), "-L", "error"];
  const child = Bun.spawn([program, "-store", "unistore", ...places, ...addresses, ...log], {
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
  process.env[ADDRESS] = url;
  return stop;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

/**
 * Runs all test files, in a process for each core. It stays joined to their server: otherwise the server would stop with the
 * last file of a process, and start again with the next one.
 *   usage: bun test/run.ts [OPTIONS OF bun test]
 */
import { availableParallelism } from "node:os";
import { server } from "./support/joined-server.ts";
import { tidbFiles } from "./support/tidb-files.ts";

/** All processes share one server, which more of them would only keep waiting. */
const PROCESSES = Math.min(availableParallelism(), 4);

/** For every test. It is long, so that no test fails because a machine is slow. */
const TIMEOUT_MS = 600_000;

const asked = process.argv.slice(2);
const files = process.env.MUSTER_TIDB && asked.length === 0 ? await tidbFiles(console.log) : asked;
const options = [`--parallel=${PROCESSES}`, `--timeout=${TIMEOUT_MS}`, ...files];
const child = Bun.spawn([process.execPath, "test", ...options], {
  // Not Bun's default, which is the environment as it was at the start: joining TiDB adds its address.
  env: process.env,
  stdio: ["inherit", "inherit", "inherit"],
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
const code = await child.exited;
await server.stop();
process.exit(code);

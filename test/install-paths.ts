/**
 * Tries README's quick start in each way that people install Muster, with packages from the network. One line for each:
 *   usage: bun test/install-paths.ts [NAME]...       (Linux; Debian's ways need root, mmdebstrap and unshare)
 * It ends with 1 if one has failed. What cannot be tried on this machine is named as left out.
 */
import { type Outcome, PATHS } from "./install/paths.ts";
import { removeFolders } from "./support/files.ts";

const names = process.argv.slice(2);
const wrong = names.find((name) => !Object.hasOwn(PATHS, name));
if (wrong !== undefined) {
  console.error(`there is no way ${wrong}: they are ${Object.keys(PATHS).join(", ")}`);
  process.exit(2);
}
let failed = 0;
for (const [name, attempt] of Object.entries(PATHS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const began = performance.now();
  const outcome = await attempt().catch((error: Error) => ({ failed: error.message }) satisfies Outcome);
  const seconds = `${((performance.now() - began) / 1000).toFixed(0)} s`;
  if ("failed" in outcome) failed++;
  const [[how, why]] = Object.entries(outcome) as [[string, string]];
  console.log(`${name}: ${how}${why ? `: ${why.replaceAll("\n", " | ")}` : ""} (${seconds})`);
}
await removeFolders();
process.exit(failed === 0 ? 0 : 1);

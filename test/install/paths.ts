/** The ways to install Muster that are tried. */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { folderOf } from "../support/files.ts";
import { copyCheckout, type Ended, NETWORK, type Place, quickStart, run } from "./checkout.ts";
import { bareDebian, cannotMakeDebian } from "./debian.ts";

export type Outcome = { passed: string } | { failed: string } | { "left out": string };

const isRoot = process.getuid?.() === 0;
const NPM = Bun.which("npm");

export const PATHS: Record<string, () => Promise<Outcome>> = {
  /** Nothing but the packages of a minimal Debian, and npm with Node.js, as README asks. */
  async debian() {
    if (cannotMakeDebian) return { "left out": cannotMakeDebian };
    await using debian = await bareDebian();
    const checkout = await debian.checkout("root");
    await quickStart(checkout);
    return { passed: "npm start by root installs Bun, the dependencies and a database" };
  },

  /** A user of that Debian who may not become root: first without a database, then with one. */
  async user() {
    if (cannotMakeDebian) return { "left out": cannotMakeDebian };
    await using debian = await bareDebian();
    const checkout = await debian.checkout("ana");
    const refused = await run(checkout, ["npm", "start"]);
    refuses(
      refused,
      1,
      /^there is no MySQL or MariaDB server here\. First run as root: (apt-get install .*); or set /m,
    );
    await debian.asRoot([
      "sh",
      "-c",
      "apt-get update -q && apt-get install -qy --no-install-recommends default-mysql-server-core",
    ]);
    await quickStart(checkout);
    return { passed: `without a database: exit code 1, "${lastLine(refused)}"; with one: the quick start` };
  },

  /** Neither npm nor Node.js is on the PATH. */
  async bun() {
    const { cwd, env } = await place("muster");
    await quickStart({
      cwd,
      env: { ...env, PATH: await programsWithout(["node", "nodejs", "npm", "npx"]) },
      runner: "bun",
    });
    return { passed: "bun run start, without Node.js and npm on the PATH" };
  },

  async blanks() {
    if (!NPM) return { "left out": "npm is not installed" };
    const { cwd, env } = await place("Mein Prüf-Ordner/müster");
    await quickStart({ cwd, env, runner: "npm" });
    return { passed: `in ${cwd}` };
  },

  /** Nobody may write to the checkout: first as it was fetched, then after somebody who may has set it up. */
  async readonly() {
    if (!isRoot || !Bun.which("setpriv")) return { "left out": "it needs root and setpriv" };
    const { cwd, env } = await place("muster");
    const other: Place = {
      before: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
      cwd,
      env,
      runner: "npm",
    };
    for (const folder of [dirname(cwd), cwd]) chmodSync(folder, 0o755);
    const untouched = await run(other, ["npm", "start"]);
    refuses(untouched, 1, /cannot be written by this user, and is not set up: run "sh scripts\/setup\.sh" there/);
    const setUp = await run({ cwd, env, runner: "npm" }, ["sh", "scripts/setup.sh"]);
    if (setUp.code !== 0) return { failed: setUp.output };
    const unwritable = await run(other, ["npm", "start"]);
    refuses(
      unwritable,
      1,
      /^\.data cannot be created in .*: call Muster in a folder that can be written, or set DATABASE_URL$/m,
    );
    const elsewhere = await folderOf({});
    chownSync(elsewhere, 65534, 65534);
    const bun = join(cwd, "node_modules/.bin/bun");
    const imported = await run({ ...other, cwd: elsewhere }, [bun, join(cwd, "scripts/import.ts"), "--json"]);
    if (imported.code !== 0) return { failed: imported.output };
    return {
      passed: `exit code 1, "${lastLine(untouched)}"; once set up: exit code 1, "${lastLine(unwritable)}"; called in a folder of one's own: it imports`,
    };
  },
};

function refuses({ code, output }: Ended, wanted: number, line: RegExp): void {
  if (code !== wanted || !line.test(output)) throw new Error(`ended with ${code}: ${output}`);
}

const lastLine = ({ output }: Ended) => output.split("\n").findLast((line) => !line.startsWith("npm ")) ?? "";

/** A copy of the checkout in a fresh folder, and an environment with nothing of this process but how to reach the network. */
async function place(name: string) {
  const folder = await folderOf({});
  const cwd = join(folder, name);
  await copyCheckout(cwd);
  mkdirSync(join(folder, "home"));
  return { cwd, env: { ...NETWORK, HOME: join(folder, "home"), TMPDIR: folder, PATH: withoutOwn(), CI: "true" } };
}

const withoutOwn = () =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .filter((each) => !each.includes("node_modules"))
    .join(delimiter);

/** A folder with links to all programs on the PATH but these, and to Bun. */
async function programsWithout(names: string[]): Promise<string> {
  const folder = await folderOf({});
  symlinkSync(process.execPath, join(folder, "bun"));
  for (const place of withoutOwn().split(delimiter).filter(existsSync))
    for (const name of readdirSync(place))
      if (!names.includes(name) && !existsSync(join(folder, name))) symlinkSync(join(place, name), join(folder, name));
  return folder;
}

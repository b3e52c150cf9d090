/** Files that libraries of Python write: what people's own programs would send. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderOf } from "./files.ts";
import { missing } from "./missing.ts";

/** A folder of packages that `pip install --target` filled; .ci/run makes it. */
const PACKAGES = process.env.MUSTER_PYTHON_PACKAGES ?? join(tmpdir(), "muster-python");

/** For the title of a test that needs packages of Python: see missing.ts. */
export function withoutPython(...packages: string[]): string {
  const absent = packages.filter((name) => !existsSync(join(PACKAGES, name)));
  return missing(`Python's ${absent.join(", ")}`, absent.length === 0);
}

/**
 * Runs a script in an empty folder.
 * @returns reads a file that the script has written
 */
export async function written(script: string): Promise<(name: string) => Promise<Uint8Array>> {
  const cwd = await folderOf({});
  const env = { ...process.env, PYTHONPATH: PACKAGES, PYTHONDONTWRITEBYTECODE: "1", TZ: "America/Bogota" };
  const { exitCode, stderr } = Bun.spawnSync(["python3", "-c", script], { cwd, env });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return (name) => Bun.file(join(cwd, name)).bytes();
}

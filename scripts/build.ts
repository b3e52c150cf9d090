/**
 * Builds Muster as one executable, with Bun, every command, the migrations, the page and the API document in it.
 *   usage: bun scripts/build.ts [FILE]     (default: dist/muster)
 */
import { join, resolve } from "node:path";
import { version } from "../package.json";
import type { Build } from "../src/build.ts";
import { readMigrations } from "../src/db/migrations.ts";

const ROOT = join(import.meta.dir, "..");
const [file = join(ROOT, "dist/muster")] = process.argv.slice(2);

const build: Build = { version, commit: commitOf(ROOT), migrations: readMigrations() };
await Bun.build({
  entrypoints: [join(import.meta.dir, "muster.ts")],
  define: { MUSTER_BUILD: JSON.stringify(build) },
  minify: { whitespace: true, syntax: true },
  sourcemap: "inline",
  // The folder in which it is called must not change the program: Bun would otherwise read its bunfig.toml.
  compile: { outfile: resolve(file), autoloadBunfig: false },
});
console.log(`${file}: Muster ${version} (${build.commit ?? "without a commit"}), ${megabytes(Bun.file(file).size)} MB`);

/** The commit's short name, with a mark if files have changed since; undefined outside a Git repository. */
function commitOf(folder: string): string | undefined {
  const git = (...args: string[]) => Bun.spawnSync(["git", "-C", folder, ...args], { stderr: "ignore" });
  try {
    const { success, stdout } = git("rev-parse", "--short=12", "HEAD");
    if (!success) return undefined;
    const isChanged = git("status", "--porcelain").stdout.length > 0;
    return `${stdout.toString().trim()}${isChanged ? ", with changes" : ""}`;
  } catch {
    return undefined; // Git is not installed.
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

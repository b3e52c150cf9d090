/** What several sources of one import are called together, and how their files are told apart. */
import { createHash } from "node:crypto";
import { SOURCE_LENGTH_MAX } from "../../db/ledger.ts";

/** A digest in 64 hexadecimal digits stands for what is cut off a name. */
const CUT_LENGTH = SOURCE_LENGTH_MAX - 100;

/**
 * The name of one source; or the names of several, which is the same in whatever order the user gives them. Long ones are cut,
 * and end in a digest.
 */
export function nameOfAll(names: readonly string[]): string {
  const [first = "", second] = names;
  if (second === undefined) return first;
  // A name with a comma is quoted, so that two lists never look the same.
  const all = names.map((name) => (name.includes(", ") ? JSON.stringify(name) : name));
  const joined = all.sort().join(", ");
  if (joined.length <= SOURCE_LENGTH_MAX) return joined;
  const digest = createHash("sha256").update(joined).digest("hex");
  return `${joined.slice(0, CUT_LENGTH)}... ${names.length} sources, sha256:${digest}`;
}

/**
 * Names files apart: two of the same name get as many folders in front as are needed, as in `2021/jobs.csv` and `2022/jobs.csv`.
 * @param files with their names relative to their sources, and their whole names, which end in those
 */
export function namesApart(files: readonly { name: string; whole: string }[]): string[] {
  const parts = files.map(({ whole }) => whole.split("/"));
  const lengths = files.map(({ name }) => name.split("/").length);
  for (;;) {
    const names = parts.map((all, at) => all.slice(-(lengths[at] ?? 0)).join("/"));
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    let isChanged = false;
    for (const [at, name] of names.entries()) {
      const length = lengths[at] ?? 0;
      if (counts.get(name) === 1 || length >= (parts[at]?.length ?? 0)) continue;
      lengths[at] = length + 1;
      isChanged = true;
    }
    if (!isChanged) return names;
  }
}

/** Puts the files of an adopted database in the place of the old ones: all of them, or none. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface Placement {
  /** Renames the new files into their places. If that fails, the old ones get their places back. */
  replace(): Promise<void>;
  /** Removes what is left of the new files, or of the old ones. */
  clean(): Promise<void>;
}

/**
 * Writes the files beside those that they will replace.
 * @param root the project's folder
 * @param schema the text of src/db/schema.ts
 * @param migrations the files of drizzle/
 */
export async function prepare(root: string, schema: string, migrations: Record<string, string>): Promise<Placement> {
  const pairs = [join(root, "drizzle"), join(root, "src/db/schema.ts")].map((path) => ({
    path,
    next: `${path}.adopting`,
    before: `${path}.before-adopt`,
  }));
  const clean = async () => {
    for (const { next, before } of pairs)
      for (const path of [next, before]) await rm(path, { recursive: true, force: true });
  };
  await clean();
  const [folder, file] = pairs;
  for (const [name, text] of Object.entries(migrations)) {
    const path = join(folder?.next ?? "", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  await writeFile(file?.next ?? "", schema);
  return { replace: () => replaceAll(pairs), clean };
}

async function replaceAll(pairs: readonly { path: string; next: string; before: string }[]): Promise<void> {
  const moved: [string, string][] = [];
  const move = async (from: string, to: string) => {
    await rename(from, to);
    moved.push([from, to]);
  };
  try {
    for (const { path, next, before } of pairs) {
      await move(path, before);
      await move(next, path);
    }
  } catch (error) {
    for (const [from, to] of moved.toReversed()) await rename(to, from);
    throw error;
  }
}

/** A copy of the project with another schema, as if a user had edited src/db/schema.ts. */
import { cp, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { folderOf } from "./files.ts";

const ROOT = join(import.meta.dir, "../..");
const PARTS =
  "src scripts drizzle client drizzle.config.ts package.json bun.lock bunfig.toml tsconfig.json tsconfig.client.json";

export interface ProjectCopy {
  folder: string;
  /** Appends text to the copy's schema, with an import of these names from Drizzle. */
  extendSchema(imports: string, text: string): Promise<void>;
}

/**
 * @param files further files in the same folder
 * @param schema the text of another src/db/schema.ts. The copy then has no migrations: `drizzle-kit generate` makes the first
 */
export async function copyOfProject(files: Record<string, string> = {}, schema?: string): Promise<ProjectCopy> {
  const folder = await folderOf(files);
  for (const part of PARTS.split(" ")) await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  if (schema !== undefined) {
    await rm(join(folder, "drizzle"), { recursive: true });
    await Bun.write(join(folder, "src/db/schema.ts"), schema);
  }
  const own = await Bun.file(join(ROOT, "src/db/schema.ts")).text();
  return {
    folder,
    async extendSchema(imports, text) {
      const drizzle = `import { ${imports} } from "drizzle-orm/mysql-core";\n`;
      await Bun.write(join(folder, "src/db/schema.ts"), (imports && drizzle) + own + text);
    },
  };
}

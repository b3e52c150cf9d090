/** Decides by their names, and by the recipe, which files of a source are read, for which table, and how. */
import type { TableName } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { escaped } from "../../shown.ts";
import { readerOfFile } from "../formats/file-formats.ts";
import { RECIPE_FILE, type Recipe } from "../recipes/recipe.ts";
import { recipeFor } from "../recipes/recipe-parts.ts";
import { isSideName, partsOf, tableOfFile, tableOfFolder, tablesOfPath, whyFileSkipped } from "./file-names.ts";
import type { Choice, Choose, Place } from "./found-source.ts";

export interface Choosing {
  /** The names of the dictionary's tables. */
  tables: readonly TableName[];
  /** Leaves out the files of other tables. A single file is read as this table's, whatever its name is. */
  only: TableName | undefined;
  recipe: Recipe | undefined;
  /** The user names a recipe, so the one beside the files is not used. */
  isRecipeGiven: boolean;
  /** The user names other sources besides this one. */
  isSeveral: boolean;
}

export function chooser(place: Place, { tables, only, recipe, isRecipeGiven, isSeveral }: Choosing): Choose {
  const choose = (name: string): Choice => {
    const own = recipe && recipeFor(recipe, name);
    const asked = (table: TableName): Choice =>
      only === undefined || only === table ? { is: "read", table, recipe: own } : { is: "not asked for" };
    const { file } = partsOf(name);
    if (!place.isOne && name === RECIPE_FILE)
      return isRecipeGiven ? { is: "skipped", why: "--recipe is used instead" } : { is: "the recipe" };
    if (!place.isOne && (isSideName(file) || file === RECIPE_FILE)) return { is: "skipped", why: MOVE_RECIPE };
    if (place.isOne && only !== undefined) {
      const named = tableOfFile(tables, file);
      if (isSeveral && named !== undefined && named !== only) throw otherTable(place.location, named, only);
      return asked(only);
    }
    const ofRecipe = tables.find((table) => table === own?.table);
    if (ofRecipe !== undefined) return asked(ofRecipe);
    const isRead = own?.format !== undefined || readerOfFile(file) !== undefined;
    if (!isRead) return { is: "skipped", why: whyFileSkipped(tables, name) };
    const named = tablesOfPath(tables, name, own?.format !== undefined);
    const [table = tableOfFolder(tables, place.folder), second] = named;
    if (table === undefined) return { is: "skipped", why: whyFileSkipped(tables, name) };
    if (second === undefined) return asked(table);
    if (only !== undefined && !named.includes(only)) return { is: "not asked for" };
    throw twoTables(name, table, second);
  };
  return Object.assign(choose, { tables });
}

const LAKES: Record<string, string> = { _delta_log: "Delta Lake", ".hoodie": "Hudi" };

/**
 * @param name of a hidden folder, relative to the source
 * @throws MusterError `invalid` if it shows that the folder around it is a table of a data lake
 */
export function refuseLake(name: string, location: string, { tables }: Choose): void {
  const { folder, file } = partsOf(name.replace(/\/$/, ""));
  const lake = LAKES[file];
  // The source itself is meant to be read, whatever its name is.
  if (lake === undefined || (folder !== "" && tablesOfPath(tables, `${folder}/`).length === 0)) return;
  const what = `${escaped(folder || location)} is a table of ${lake}, whose files also hold rows that were deleted or replaced`;
  throw new MusterError("invalid", `${what}: export the rows that it has now, and import those`);
}

const MOVE_RECIPE = `only the ${RECIPE_FILE} of the source's own folder is used (move it there, or give it by --recipe)`;

function otherTable(location: string, named: TableName, only: TableName): MusterError {
  return new MusterError(
    "invalid",
    `${escaped(location)} is named for ${named}, and --table is ${only}: leave --table out, or import the file by itself`,
  );
}

function twoTables(name: string, table: TableName, other: TableName): MusterError {
  return new MusterError(
    "invalid",
    `${escaped(name)} is named for two tables, ${table} and ${other}: rename or move it, or import it by itself with --table`,
  );
}

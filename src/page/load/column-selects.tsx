/** @jsxImportSource hono/jsx */
/** A select for each name in the file, with the column that it means. */
import type { Table } from "../../codecs/tables.ts";
import type { FileInspection } from "../../ingest/inspect-file.ts";
import type { FileRecipe } from "../../read/recipes/recipe.ts";
import type { RecipeParameter } from "../../read/recipes/recipe-options.ts";
import type { Doubt } from "./doubts.tsx";
import { CHOICE, LEFT_OUT } from "./load-form.ts";
import { Marked } from "./marked.tsx";

interface Naming {
  table: Table;
  columns: FileInspection["columns"];
  given: FileRecipe;
  /** Those about names. */
  doubts: readonly Doubt[];
}

export function ColumnSelects({ table, columns, given, doubts }: Naming) {
  const doubtOf = new Map(doubts.flatMap((doubt) => namesOf(doubt).map((name) => [name, doubt] as const)));
  const others = doubts.filter((doubt) => namesOf(doubt).length === 0);
  return (
    <fieldset>
      <legend>Which column of {table.name} each name in the file means</legend>
      {others.map(({ is, doubt, evidence }) => (
        <p>
          <b class="busy">
            <Marked text={is} />
          </b>
          : {doubt.replace(/ with --columns$/, " below")} ({evidence})
        </p>
      ))}
      <div class="fields">
        {columns.map((column, at) => (
          <ColumnSelect {...{ table, ...column, at, given, doubt: doubtOf.get(column.name) }} />
        ))}
      </div>
      <AsFound doubts={doubts} />
    </fieldset>
  );
}

interface OneName {
  table: Table;
  name: string;
  /** The column that was found for it; null if it is left out. */
  column: string | null;
  at: number;
  given: FileRecipe;
  doubt: Doubt | undefined;
}

function ColumnSelect({ table, name, column, at, given, doubt }: OneName) {
  const named = given.columns && !Array.isArray(given.columns) ? given.columns : {};
  const chosen = Object.hasOwn(named, name) ? named[name] : given.ignore?.includes(name) ? LEFT_OUT : "";
  const found = column ?? "left out";
  return (
    <div>
      <label for={`column-${at}`}>
        {name === "" ? `cell ${at + 1}, without a name` : name}
        {doubt && (
          <small>
            <Marked text={doubt.evidence} />
          </small>
        )}
      </label>
      <input type="hidden" name="named" value={name} />
      <select id={`column-${at}`} name="column" class={doubt ? "open" : undefined}>
        <option value="">{doubt ? `decide: ${found}?` : `as found: ${found}`}</option>
        {table.columns.map((each) => (
          <option value={each.name} selected={each.name === chosen}>
            {each.name}
          </option>
        ))}
        <option value={LEFT_OUT} selected={chosen === LEFT_OUT}>
          leave it out
        </option>
      </select>
    </div>
  );
}

/** Decides all doubtful names as they were found. */
function AsFound({ doubts }: Pick<Naming, "doubts">) {
  const [columns, ignored] = [partsOf(doubts, "columns"), partsOf(doubts, "ignore")];
  const leavesOutOthers = partsOf(doubts, OTHERS).length > 0;
  if (columns.length + ignored.length === 0 && !leavesOutOthers) return null;
  const all = new URLSearchParams({
    ...(columns.length > 0 && { columns: columns.join(",") }),
    ...(ignored.length > 0 && { ignore: ignored.join(",") }),
    ...(leavesOutOthers && { [OTHERS]: "true" }),
  });
  return (
    <p class="choice">
      <input type="checkbox" id="as-found" name={`${CHOICE}names`} value={`${all}`} />
      <label for="as-found">
        All as found:{" "}
        {[
          ...columns.map((each) => each.replace(/=(?=[^=]*$)/, " is ")),
          ...ignored.map((each) => `${each} is left out`),
          ...(leavesOutOthers ? ["all other names are left out"] : []),
        ].join(", ")}
      </label>
    </p>
  );
}

const OTHERS = "ignore_other_columns" satisfies RecipeParameter;

const partsOf = (doubts: readonly Doubt[], part: RecipeParameter) =>
  doubts.flatMap(({ parameters: [text = ""] = [] }) => new URLSearchParams(text).get(part) ?? []);

/** The names that a doubt is about: none if a column is missing, or if many names are left out together. */
const namesOf = (doubt: Doubt): string[] => [
  ...partsOf([doubt], "columns").map((each) => each.slice(0, each.lastIndexOf("="))),
  ...partsOf([doubt], "ignore"),
];

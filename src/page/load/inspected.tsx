/** @jsxImportSource hono/jsx */
/** A file that was chosen: what it is, what the person must decide, how it is read, and the import. */
import type { Dictionary } from "../../codecs/dictionary.ts";
import type { FileInspection } from "../../ingest/inspect-file.ts";
import type { FileRecipe } from "../../read/recipes/recipe.ts";
import { parametersOf } from "../../read/recipes/recipe-text.ts";
import { count, counted } from "../parts/quantities.ts";
import { BeginImport } from "./begin-import.tsx";
import { ColumnSelects } from "./column-selects.tsx";
import { type Doubt, Doubts, doubtsOf } from "./doubts.tsx";
import { FirstRows } from "./first-rows.tsx";
import { FoundParts } from "./found-parts.tsx";
import type { LoadFields } from "./load-form.ts";
import { type FieldTexts, fieldsOf, RecipeField } from "./recipe-fields.tsx";

interface Inspection {
  inspection: FileInspection;
  /** What the person has chosen. */
  given: FileRecipe;
  fields: LoadFields;
  dictionary: Dictionary;
}

export function Inspected({ inspection, given, fields, dictionary }: Inspection) {
  const { found, columns, counts, error, proposed } = inspection;
  const table = inspection.table === null ? undefined : dictionary.of(inspection.table);
  const isByPosition = found.some(({ part, is }) => part === "header" && is === "none");
  const doubts = doubtsOf(found, fields.accepted, isByPosition);
  const open = doubts.filter(({ isAccepted }) => !isAccepted);
  const texts = { given: textsOf(given), proposed: textsOf(proposed) };
  const isWorkbook = found.some(({ part, is }) => part === "format" && is === "xlsx");
  const ofNames = doubts.filter((each) => each.isOfNames);
  const hasNames = table && columns.length > 0 && !isByPosition;
  const names = hasNames ? <ColumnSelects {...{ table, columns, given, doubts: ofNames }} /> : undefined;
  const elsewhere = new Set(doubts.flatMap(({ field }) => field ?? []));
  return (
    <div id="inspection">
      <section class="card" aria-labelledby="chosen">
        <div class="head">
          <h2 id="chosen" tabindex={-1}>
            {inspection.name}
          </h2>
          <TableSelect dictionary={dictionary} chosen={fields.table ?? ""} found={inspection.table} />
        </div>
        <p id="summary">{summaryOf(inspection, open)}</p>
        {error !== undefined && table && <p class="bad">{error}</p>}
      </section>
      <Doubts doubts={doubts} texts={texts} names={names} />
      {table && (counts.read > 0 || error === undefined) && <FirstRows table={table} inspection={inspection} />}
      <FoundParts found={found} />
      <section class="card" aria-labelledby="reading">
        <h2 id="reading">How it is read</h2>
        <p class="note">Change what was found wrongly. An empty field is read as found.</p>
        {ofNames.length === 0 && names}
        <ReadingFields names={fieldsOf({ isWorkbook, isByPosition, elsewhere })} texts={texts} />
      </section>
      <BeginImport inspection={inspection} fields={fields} undecided={open.length} />
    </div>
  );
}

/** The columns by name have selects of their own. A name with a comma in it would hide all other parameters. */
function textsOf({ columns, ignore, ...others }: FileRecipe): FieldTexts["given"] {
  return parametersOf({ ...others, ...(Array.isArray(columns) && { columns }) }) ?? {};
}

const ReadingFields = ({ names, texts }: { names: ReturnType<typeof fieldsOf>; texts: FieldTexts }) => (
  <details id="more-fields">
    <summary>Delimiter, encoding, dates, numbers and more</summary>
    <div class="fields">
      {names.map((name) => (
        <RecipeField name={name} {...texts} />
      ))}
    </div>
  </details>
);

interface Selecting {
  dictionary: Dictionary;
  chosen: string;
  found: string | null;
}

const TableSelect = ({ dictionary, chosen, found }: Selecting) => (
  <p class="row">
    <label for="table">Table</label>
    <select id="table" name="table">
      <option value="">{found === null ? "choose one" : `as found: ${found}`}</option>
      {dictionary.names.map((name) => (
        <option value={name} selected={name === chosen}>
          {name}
        </option>
      ))}
    </select>
  </p>
);

/** One line. It is also read out when the inspection is there. */
function summaryOf({ table, counts, error }: FileInspection, open: readonly Doubt[]): string {
  const decide =
    open.length === 0 ? "" : ` ${counted(open.length, "point")} ${open.length === 1 ? "is" : "are"} for you to decide.`;
  if (table === null) return `Its table is not known: choose it.${decide}`;
  if (error !== undefined && counts.read === 0) return `It cannot be read like this.${decide}`;
  return `${counted(counts.read, "row")} ${counts.read === 1 ? "was" : "were"} looked at for ${table}: ${count(counts.rejected)} would be rejected.${decide}`;
}

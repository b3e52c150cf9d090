/** @jsxImportSource hono/jsx */
/** The doubtful points of a file. None is decided for the person. */
import type { Child } from "hono/jsx";
import type { InspectedPart } from "../../ingest/inspect-file.ts";
import type { RecipeParameter } from "../../read/recipes/recipe-options.ts";
import { CHOICE } from "./load-form.ts";
import { Marked } from "./marked.tsx";
import { type FieldTexts, labelOf, RecipeField } from "./recipe-fields.tsx";

/** The field that decides a point for which there are no choices. */
const FIELD_OF: Readonly<Record<string, RecipeParameter>> = {
  ...{ zone: "zone", dates: "datetime", encoding: "encoding", delimiter: "delimiter", sheet: "sheet" },
  "trailing delimiter": "columns",
};

export interface Doubt extends InspectedPart {
  doubt: string;
  /** How the form names it. */
  key: string;
  isAccepted: boolean;
  /** Whether it is about the names in the file. These are decided together. */
  isOfNames: boolean;
  field: RecipeParameter | undefined;
}

/** @param accepted the keys of doubts that the person leaves as they are */
export function doubtsOf(found: readonly InspectedPart[], accepted: readonly string[], isByPosition: boolean): Doubt[] {
  return found.flatMap((each) => {
    const { part, is, doubt } = each;
    if (doubt === undefined) return [];
    const key = `${part}: ${is}: ${doubt}`;
    const isOfNames = !isByPosition && (part === "columns" || part === "left out");
    const field = part === "columns" && isByPosition ? "columns" : FIELD_OF[part];
    return [{ ...each, doubt, key, isAccepted: accepted.includes(key) && !isOfNames, isOfNames, field }];
  });
}

/** Whether the person leaves the doubts about one part as they are. */
export const isAccepted = (accepted: readonly string[], part: string): boolean =>
  accepted.some((key) => key.startsWith(`${part}: `));

interface Deciding {
  doubts: readonly Doubt[];
  texts: FieldTexts;
  /** Selects for the names in the file, if any of them is doubtful. */
  names: Child;
}

export function Doubts({ doubts, texts, names }: Deciding) {
  if (doubts.length === 0) return null;
  const shown = new Set<RecipeParameter>();
  const others = doubts.filter(({ isOfNames }) => !isOfNames);
  return (
    <section class="card first" aria-labelledby="doubts">
      <h2 id="doubts">For you to decide</h2>
      <p class="note">The file does not say these points for sure. Nothing is imported until each is decided.</p>
      {others.length < doubts.length && names}
      <div class={others.length > 0 ? "cards" : undefined}>
        {others.map((doubt, at) => {
          const field = doubt.field !== undefined && !shown.has(doubt.field) ? doubt.field : undefined;
          if (field !== undefined) shown.add(field);
          return <Point doubt={doubt} at={at} field={field} texts={texts} />;
        })}
      </div>
    </section>
  );
}

interface Pointed {
  doubt: Doubt;
  at: number;
  field: RecipeParameter | undefined;
  texts: FieldTexts;
}

function Point({ doubt: { part, is, evidence, doubt, parameters = [], key, isAccepted }, at, field, texts }: Pointed) {
  const choices = parameters.filter((each) => each !== "");
  return (
    <fieldset>
      <legend>
        <Marked text={is === "unknown" ? part : `${part}: ${is}`} />
      </legend>
      <p class="sentence">
        <Marked text={forPage(doubt)} />.
      </p>
      <p class="note">
        Seen: <Marked text={evidence} />
      </p>
      {choices.map((choice, number) => (
        <p class="choice">
          <input type="radio" id={`doubt-${at}-${number}`} name={`${CHOICE}${at}`} value={choice} />
          <label for={`doubt-${at}-${number}`}>{choiceText(choice)}</label>
        </p>
      ))}
      {field !== undefined && (
        <div class="fields">
          <RecipeField name={field} {...texts} />
        </div>
      )}
      {part === "table" && choices.length === 0 && <p>Choose the table above.</p>}
      {part !== "table" && choices.length === 0 && (
        <p class="choice">
          <input type="checkbox" id={`doubt-${at}`} name="accepted" value={key} checked={isAccepted} />
          <label for={`doubt-${at}`}>Read it as it is: rows that do not fit are rejected</label>
        </p>
      )}
    </fieldset>
  );
}

/** `datetime=dd/MM/yyyy` as `Dates: dd/MM/yyyy`. */
const choiceText = (choice: string) =>
  [...new URLSearchParams(choice)]
    .map(([name, value]) => (value === "true" ? labelOf(name) : `${labelOf(name)}: ${value}`))
    .join(", ");

/** Texts about doubts name the options of the command. The page has fields. */
const forPage = (text: string) => text.replace(/ with --columns\b/g, " below").replace(/--([a-z]+)/g, "the $1");

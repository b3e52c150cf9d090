/** @jsxImportSource hono/jsx */
/** Forms for the rules that mend many rows. Both lead to a preview, which stores nothing. */
import type { Table } from "../../codecs/tables.ts";
import { dateColumns } from "../../read/corrections/rules.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { count } from "../parts/quantities.ts";
import { parametersOf, type Selection } from "./selection.ts";

interface RuleFormsProps {
  table: Table;
  selection: Selection;
  /** How many rows the group has. */
  rows: number;
}

export function RuleForms({ table, selection, rows }: RuleFormsProps) {
  const faulty = selection.cause.find(({ field }) => field !== undefined)?.field?.split(",")[0];
  const dates = dateColumns(table);
  return (
    <section class="card" aria-labelledby="rules">
      <h2 id="rules">Mend many by a rule</h2>
      <p class="note">A rule changes one column. The others are read again as they came. You see the verdicts first.</p>
      <form class="row" action="page/rejections/rule">
        <HiddenFields fields={{ ...parametersOf(selection), rule: "set" }} />
        <ColumnChoice id="set-column" label="Set" columns={table.columns.map(({ name }) => name)} chosen={faulty} />
        <div>
          <label for="set-value">to (blank for no value)</label>
          <input id="set-value" name="value" autocomplete="off" />
        </div>
        <Previews rows={rows} />
      </form>
      {dates.length > 0 && (
        <form class="row" action="page/rejections/rule">
          <HiddenFields fields={{ ...parametersOf(selection), rule: "dates" }} />
          <ColumnChoice id="date-column" label="Read" columns={dates} chosen={faulty} />
          <div>
            <label for="formats">as dates like</label>
            <input id="formats" name="formats" placeholder="d/M/yyyy" required autocomplete="off" />
          </div>
          <div>
            <label for="zone">in the time zone</label>
            <input id="zone" name="zone" placeholder="America/Bogota" autocomplete="off" />
          </div>
          <Previews rows={rows} />
        </form>
      )}
    </section>
  );
}

interface ColumnChoiceProps {
  id: string;
  label: string;
  columns: readonly string[];
  chosen: string | undefined;
}

const ColumnChoice = ({ id, label, columns, chosen }: ColumnChoiceProps) => (
  <div>
    <label for={id}>{label}</label>
    <select id={id} name="column">
      {columns.map((name) => (
        <option value={name} selected={name === chosen}>
          {name}
        </option>
      ))}
    </select>
  </div>
);

const Previews = ({ rows }: { rows: number }) => (
  <>
    <button type="submit" {...IN_PLACE} hx-include="closest form">
      Preview for {rows === 1 ? "the row" : `all ${count(rows)} rows`}
    </button>
    <button
      type="button"
      class="needs-js"
      {...IN_PLACE}
      hx-include="closest form, [name='id']:checked"
      hx-vals='{"chosen":"yes"}'
    >
      Preview for the chosen rows
    </button>
  </>
);

/** The preview takes the place of the page, and an error of the form is shown above it. */
const IN_PLACE = {
  ...{ "hx-get": "page/rejections/rule", "hx-target": "#main", "hx-select": "#main" },
  ...{ "hx-swap": "outerHTML show:window:top" },
};

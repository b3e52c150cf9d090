/** @jsxImportSource hono/jsx */
/** Rejected rows in a grid: a column for each field of the table, faulty cells marked, their reasons beside them. */
import type { Table } from "../../codecs/tables.ts";
import { fieldsOf } from "../../read/corrections/rejection-sheet.ts";
import type { RejectionRecord } from "../../repositories/rejection-log.ts";
import { faultyColumns, Reasons } from "./verdict.tsx";

/** A rejection with the texts of its fields. */
export interface GridRow {
  rejection: RejectionRecord;
  /** Undefined if the row cannot be split into fields. */
  fields: ReadonlyMap<string, string> | undefined;
}

export const gridRows = (table: Table, rejections: readonly RejectionRecord[]): Promise<GridRow[]> =>
  Promise.all(rejections.map(async (rejection) => ({ rejection, fields: await fieldsOf(table, rejection) })));

/** The form that the cells belong to. It stands outside of the grid, so that htmx can send one row. */
export const GRID_FORM = "rows";
/** How long a text may be to be edited on the page, and how much of a longer one is shown. */
const CELL_CHARACTERS_MAX = 2_000;
const SHOWN_CHARACTERS = 200;

interface GridProps {
  table: Table;
  rows: readonly GridRow[];
  /** A reader sees the cells as text. */
  mayEdit: boolean;
  /** Whether rows can be chosen, because there are several. */
  mayChoose?: boolean;
}

export function Grid({ table, rows, mayEdit, mayChoose = false }: GridProps) {
  const widths = new Map(table.columns.map(({ name }) => [name, widthOf(name, rows)]));
  return (
    <section class="box whole grid" aria-label={`Rejected rows of ${table.name}`} tabindex={0}>
      <table>
        <thead>
          <tr>
            {mayChoose && (
              <th scope="col">
                <span class="unseen">Choose</span>
              </th>
            )}
            <th scope="col">Rejection</th>
            <th scope="col">Why</th>
            {table.columns.map(({ name }) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row widths={widths} row={row} mayEdit={mayEdit} mayChoose={mayChoose} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** How many characters a column shows: enough for its longest text, within limits. A blank column has room to write in. */
function widthOf(name: string, rows: readonly GridRow[]): number {
  const longest = Math.max(0, ...rows.map(({ fields }) => (fields ? (fields.get(name)?.length ?? 0) : 12)));
  return longest === 0 ? 20 : Math.min(36, Math.max(4, longest));
}

interface RowProps extends Required<Pick<GridProps, "mayEdit" | "mayChoose">> {
  row: GridRow;
  /** The columns with their widths. */
  widths: ReadonlyMap<string, number>;
}

/** A verdict moves what stands below it. The delay lets a click that leaves a cell reach its button first. */
const TRIGGER = "change target:.cell delay:250ms";

function Row({ row, widths, mayEdit, mayChoose }: RowProps) {
  const { id, file, position, reasons, raw = "(not UTF-8)" } = row.rejection;
  const faulty = faultyColumns(reasons);
  const judged = mayEdit && {
    ...{ "hx-post": "page/rejections/verdict", "hx-trigger": TRIGGER, "hx-include": "this" },
    ...{ "hx-target": `#why-${id}`, "hx-select": ".rehearsed", "hx-swap": "innerHTML", "hx-sync": "this:replace" },
  };
  return (
    <tr {...judged}>
      {mayChoose && (
        <td class="choice-cell">
          <input type="checkbox" name="id" value={String(id)} form={GRID_FORM} aria-label={`Choose rejection ${id}`} />
        </td>
      )}
      <th scope="row">
        <a href={`page/rejections/${id}`}>{id}</a>
        <small>
          {file ?? "by request"}, {position}
        </small>
      </th>
      <td id={`why-${id}`} class="why" aria-live="polite">
        <Reasons reasons={reasons} />
        {row.fields === undefined && <code>{shortened(raw)}</code>}
      </td>
      {[...widths].map(([name, width]) => (
        <Cell {...{ id, name, width, mayEdit }} text={row.fields?.get(name) ?? ""} isFaulty={faulty.includes(name)} />
      ))}
    </tr>
  );
}

interface CellProps {
  id: number;
  width: number;
  name: string;
  text: string;
  isFaulty: boolean;
  mayEdit: boolean;
}

function Cell({ id, width, name, text, isFaulty, mayEdit }: CellProps) {
  if (!mayEdit || text.length > CELL_CHARACTERS_MAX)
    return (
      <td class={isFaulty ? "faulty" : undefined} data-column={name}>
        {shortened(text)}
        {isFaulty && <span class="unseen"> (faulty)</span>}
      </td>
    );
  const field = {
    ...{ class: "cell", name: `cell.${id}.${name}`, form: GRID_FORM, autocomplete: "off", spellcheck: false },
    ...{ "aria-label": `${name} of rejection ${id}`, "aria-describedby": `why-${id}` },
    "aria-invalid": isFaulty ? "true" : undefined,
  };
  return (
    <td data-column={name}>
      {/[\r\n]/.test(text) ? (
        // HTML drops the first line end of a text area.
        <textarea {...field} rows={2} cols={width}>{`\n${text}`}</textarea>
      ) : (
        <input {...field} type="text" size={width} value={text} />
      )}
    </td>
  );
}

const shortened = (text: string) =>
  text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length} characters)` : text;

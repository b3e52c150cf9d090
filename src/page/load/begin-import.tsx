/** @jsxImportSource hono/jsx */
/** The last part of the form: a dry run, or the import. browser/load.js sends the file to the address that stands here. */
import type { FileInspection } from "../../ingest/inspect-file.ts";
import { formatOfFile, READ_FROM_END, typeOfFile } from "../../read/formats/file-formats.ts";
import { parametersOf } from "../../read/recipes/recipe-text.ts";
import { counted } from "../parts/quantities.ts";
import type { LoadFields } from "./load-form.ts";

interface Beginning {
  inspection: FileInspection;
  fields: LoadFields;
  /** How many doubts are open. */
  undecided: number;
}

export function BeginImport({ inspection, fields, undecided }: Beginning) {
  const address = addressOf(inspection);
  const why = whyNot(inspection, { fields, undecided, address });
  const { type, coding } = typeOfFile(inspection.name);
  return (
    <section
      class="card"
      aria-labelledby="begin"
      id="begin-import"
      data-address={address}
      data-type={type}
      data-coding={coding}
      data-key={Bun.randomUUIDv7()}
    >
      <h2 id="begin">Import {inspection.table !== null && `into ${inspection.table}`}</h2>
      {why !== undefined && <p class="busy">{why}</p>}
      <div class="row">
        <div>
          <label for="max_rejects">Most rows that may be rejected</label>
          <input
            id="max_rejects"
            name="max_rejects"
            value={fields.max_rejects}
            placeholder="any number, or 5%"
            autocomplete="off"
          />
        </div>
        <p class="choice">
          <input type="checkbox" id="strict" name="strict" value="true" checked={fields.strict === "true"} />
          <label for="strict">All rows or none</label>
        </p>
      </div>
      <p class="note">
        A dry run reads and judges every row, and stores none. An import stores the good rows and keeps the rejected
        ones until they are mended. If more rows are rejected than you allow, nothing is imported.
      </p>
      <p class="row">
        <button type="button" data-send="dry-run" disabled={why !== undefined}>
          Dry run
        </button>
        <button type="button" class="main" data-send="import" disabled={why !== undefined}>
          Import
        </button>
      </p>
    </section>
  );
}

/** Where the whole file is sent, relative to the root. Undefined if parameters cannot say how it is read. */
function addressOf({ name, table, proposed, found }: FileInspection): string | undefined {
  const parameters = parametersOf(proposed);
  if (table === null || !parameters) return undefined;
  // The file in an archive need not have a name that says its format.
  const format = formatOfFile(name).isZip ? found.find(({ part }) => part === "format")?.is : undefined;
  const query = new URLSearchParams({ table, name, ...(format !== undefined && { format }), ...parameters });
  return `page/imports?${query}`;
}

interface Known extends Omit<Beginning, "inspection"> {
  address: string | undefined;
}

/** Why the file cannot be imported yet, and what to do. */
function whyNot({ name, table, error }: FileInspection, { fields, undecided, address }: Known): string | undefined {
  if (undecided > 0)
    return `${counted(undecided, "point")} ${undecided === 1 ? "is" : "are"} still to be decided above.`;
  if (table === null) return "Choose its table above.";
  const isUnseen = fields.complete === "false" && READ_FROM_END.some((each) => name.toLowerCase().endsWith(each));
  if (error !== undefined && !isUnseen) return "The file cannot be read like this: see above.";
  if (address === undefined)
    return "A name in the file has a comma, so the form cannot say how it is read: import it by the command, with a recipe file.";
  return undefined;
}

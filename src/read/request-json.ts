/** The rows of a JSON body of a request, in both of its forms (design section 4, Insert). */
import { fromJson, isObject } from "../codecs/json.ts";
import { JsonText } from "../codecs/json-text.ts";
import { pointerTo, shownPointer } from "../codecs/pointer.ts";
import { isTableName, type ReadRow, type Table, type TableName, tableNames, tableOf } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { withRepeats } from "./json-and-avro-rows.ts";
import { add, type BatchRow, notEmpty, type Path, pointerAt } from "./request-rows.ts";

/**
 * Rows of a JSON body: an object of lists per table, or an array of such objects.
 * @param only the body is a list of this table's rows, or one row
 * @throws MusterError `invalid` for a body that is not JSON, of another shape, or without a row; `too_large` for more
 * than ROWS_PER_REQUEST_MAX
 */
export function rowsOfJson(text: string, only?: TableName): BatchRow[] {
  const body = new JsonText(text);
  const rows = new JsonRows(body);
  const { value } = body;
  if (only !== undefined) rows.list(only, Array.isArray(value) ? value : [value], [], !Array.isArray(value));
  else if (Array.isArray(value)) value.forEach((part, index) => void rows.part(part, [index]));
  else rows.part(value, []);
  return notEmpty(rows.all);
}

/** Collects rows in the order of the body. */
class JsonRows {
  readonly all: BatchRow[] = [];
  readonly #counts = new Map<TableName, number>();

  constructor(private readonly body: JsonText) {}

  /** An object of lists per table. */
  part(part: unknown, path: Path): void {
    if (!isObject(part)) throw wrongShape(path, "must be an object of lists of rows, each named for its table");
    const [twice] = this.body.repeatedIn(path);
    if (twice !== undefined) throw wrongShape([...path, twice], "is given twice");
    for (const [name, list] of Object.entries(part)) {
      const here = [...path, name];
      if (!isTableName(name)) throw wrongShape(here, `is no table: the tables are ${tableNames.join(", ")}`);
      if (!Array.isArray(list)) throw wrongShape(here, "must be a list of rows");
      this.list(name, list, here);
    }
  }

  /** Objects of one key that follow each other are one row's fields, until a key repeats; any other element is a row. */
  list(name: TableName, list: readonly unknown[], path: Path, alone = false): void {
    const table = tableOf(name);
    let fields = new Map<string, { value: unknown; path: Path }>();
    const end = () => {
      if (fields.size > 0) this.#fragments(table, fields);
      fields = new Map();
    };
    list.forEach((element, index) => {
      const key = alone ? undefined : onlyKeyOf(element);
      if (key !== undefined) {
        if (fields.has(key)) end();
        fields.set(key, { value: (element as Record<string, unknown>)[key], path: [...path, index] });
        return;
      }
      end();
      this.#add(table, element, new Place(this.body, path, alone ? undefined : index));
    });
    end();
  }

  #fragments(table: Table, fields: Map<string, { value: unknown; path: Path }>): void {
    // Object.fromEntries makes even a key like __proto__ a plain field.
    const row = Object.fromEntries([...fields].map(([key, { value }]) => [key, value]));
    const paths = [...fields.values()].map(({ path }) => path);
    this.#add(table, row, {
      paths,
      pointer(field) {
        const fragment = field === undefined ? undefined : fields.get(field);
        return fragment && field !== undefined ? pointerTo([...fragment.path, field]) : pointerTo(paths[0] ?? []);
      },
      source: () => `{${paths.map((path) => this.body.source(path).slice(1, -1).trim()).join(", ")}}`,
    });
  }

  #add(table: Table, row: unknown, place: Pick<Place, "paths" | "pointer" | "source">): void {
    const index = this.#counts.get(table.name) ?? 0;
    this.#counts.set(table.name, index + 1);
    const read = fromJson(table, row, { keyOptional: true });
    const repeated = this.body.mayRepeat ? place.paths.flatMap((path) => this.body.repeatedIn(path)) : [];
    add(this.all, new JsonRow(table.name, index, withRepeats(read, repeated), place));
  }
}

class JsonRow implements BatchRow {
  constructor(
    readonly table: TableName,
    readonly index: number,
    private readonly read: ReadRow,
    private readonly place: Pick<Place, "pointer" | "source">,
  ) {}

  get values() {
    return this.read.values;
  }

  get reasons() {
    return this.read.reasons;
  }

  get position(): number {
    return this.index;
  }

  get raw(): Uint8Array {
    return Buffer.from(this.place.source());
  }

  pointer(field?: string): string {
    return this.place.pointer(field);
  }
}

/** Where a row stands that is one value of the body: what nobody asks for of a thousand rows is not made. */
class Place {
  constructor(
    private readonly body: JsonText,
    private readonly list: Path,
    private readonly index: number | undefined,
  ) {}

  get paths(): Path[] {
    return [this.#path];
  }

  pointer(field?: string): string {
    return pointerAt(this.#path)(field);
  }

  source(): string {
    return this.body.source(this.#path);
  }

  get #path(): Path {
    return this.index === undefined ? this.list : [...this.list, this.index];
  }
}

/** The key of an object that has no other. */
function onlyKeyOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  let only: string | undefined;
  for (const key in value) {
    if (only !== undefined) return undefined;
    only = key;
  }
  return only;
}

const wrongShape = (path: Path, problem: string) =>
  new MusterError("invalid", `${path.length > 0 ? shownPointer(path) : "the body"} ${problem}`);

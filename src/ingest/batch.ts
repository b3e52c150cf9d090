/** The rows of a request's body (design section 4, Insert): each with its place, its verdict by shape, and its pointer. */
import { fromJson } from "../codecs/json.ts";
import { JsonText } from "../codecs/json-text.ts";
import { pointerTo } from "../codecs/pointer.ts";
import { isTableName, type Shaped, type Table, type TableName, tableNames, tableOf } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { csvRows } from "./csv-rows.ts";

/** Rows of one request, in all its tables. */
export const ROWS_PER_REQUEST_MAX = 1_000;
/** Bytes of a CSV body that are parsed at once, so that one of too many rows is given up early. */
const PIECE_BYTES = 64 * 1024;

/** A row of a batch, as its shape alone judges it. */
export interface BatchRow {
  table: TableName;
  /** Its place among the batch's rows of this table, 0-based. */
  index: number;
  shaped: Shaped;
  /** The row as it came; asked for where it is refused. */
  raw(): Uint8Array;
  /** The columns of its cells, where it came as CSV. */
  columns?: string[];
  /** A JSON Pointer (RFC 6901) into the body: to the field where it has one, else to the row. */
  pointer(field?: string): string;
  /** The rejection whose mended row this is, and where that one stood. */
  replaces?: number;
  origin?: { file: string | null; position: number };
}

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

/** Rows of newline-delimited JSON; a line that is not JSON is a row at fault, and an empty one is none. */
export function rowsOfNdjson(text: string, only: TableName): BatchRow[] {
  const table = tableOf(only);
  const rows: BatchRow[] = [];
  for (let start = 0; start < text.length; ) {
    const lineFeed = text.indexOf("\n", start);
    const end = lineFeed === -1 ? text.length : lineFeed;
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line === "") continue;
    const index = rows.length;
    const shaped = shapedJson(table, line);
    add(rows, { table: only, index, shaped, raw: () => Buffer.from(line), pointer: pointerAt([index]) });
  }
  return notEmpty(rows);
}

/** Rows of CSV, with or without a header row. @throws MusterError `refused` for a header in other words */
export async function rowsOfCsv(bytes: Uint8Array, only: TableName): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const block of csvRows(tableOf(only), pieces(bytes), "the body")) {
    for (const row of block) {
      const { values, reasons, columns } = row;
      const index = rows.length;
      add(rows, {
        table: only,
        index,
        shaped: { values, reasons },
        raw: () => row.raw,
        columns,
        pointer: pointerAt([index]),
      });
    }
  }
  return notEmpty(rows);
}

/** One row of JSON text as its shape alone judges it. */
export function shapedJson(table: Table, text: string, options = { keyOptional: true }): Shaped {
  let row: JsonText;
  try {
    row = new JsonText(text);
  } catch {
    const reason = { code: "wrong_type" as const, detail: "the row is not JSON" };
    return { values: table.columns.map(() => undefined), reasons: [reason] };
  }
  return withRepeats(fromJson(table, row.value, options), row.repeatedIn([]));
}

/** JSON.parse keeps the last of two values and drops the first: that is a field too many, not a choice for us. */
export function withRepeats(shaped: Shaped, fields: readonly string[]): Shaped {
  for (const field of fields) shaped.reasons.push({ code: "unknown_field", field, detail: `${field} is given twice` });
  return shaped;
}

export function tooManyRows(): MusterError {
  return new MusterError("too_large", `the body has more than ${ROWS_PER_REQUEST_MAX} rows: send fewer at once`);
}

async function* pieces(bytes: Uint8Array) {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) yield bytes.subarray(start, start + PIECE_BYTES);
}

function add(rows: BatchRow[], row: BatchRow): void {
  if (rows.length === ROWS_PER_REQUEST_MAX) throw tooManyRows();
  rows.push(row);
}

type Path = readonly (string | number)[];

const pointerAt = (path: Path) => (field?: string) => pointerTo(field === undefined ? path : [...path, field]);

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
      const here = alone ? path : [...path, index];
      const entries = isObject(element) ? Object.entries(element) : [];
      const [only, ...others] = entries;
      if (only && others.length === 0 && !alone) {
        const [key, value] = only;
        if (fields.has(key)) end();
        fields.set(key, { value, path: here });
        return;
      }
      end();
      this.#add(table, element, [here], pointerAt(here), () => this.body.source(here));
    });
    end();
  }

  #fragments(table: Table, fields: Map<string, { value: unknown; path: Path }>): void {
    // Object.fromEntries makes even a key like __proto__ a plain field.
    const row = Object.fromEntries([...fields].map(([key, { value }]) => [key, value]));
    const paths = [...fields.values()].map(({ path }) => path);
    const pointer = (field?: string) => {
      const fragment = field === undefined ? undefined : fields.get(field);
      return fragment && field !== undefined ? pointerTo([...fragment.path, field]) : pointerTo(paths[0] ?? []);
    };
    const source = () => `{${paths.map((path) => this.body.source(path).slice(1, -1).trim()).join(", ")}}`;
    this.#add(table, row, paths, pointer, source);
  }

  #add(table: Table, row: unknown, paths: readonly Path[], pointer: BatchRow["pointer"], source: () => string): void {
    const index = this.#counts.get(table.name) ?? 0;
    this.#counts.set(table.name, index + 1);
    const shaped = fromJson(table, row, { keyOptional: true });
    for (const path of paths) withRepeats(shaped, this.body.repeatedIn(path));
    add(this.all, { table: table.name, index, shaped, raw: () => Buffer.from(source()), pointer });
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const wrongShape = (path: Path, problem: string) =>
  new MusterError("invalid", `${path.length > 0 ? pointerTo(path) : "the body"} ${problem}`);

function notEmpty(rows: BatchRow[]): BatchRow[] {
  if (rows.length === 0) throw new MusterError("invalid", "the body has no row");
  return rows;
}

/** The rows of a request's body (design section 4, Insert): each with its place, its verdict by shape, and its pointer. */
import { fromJson } from "../codecs/json.ts";
import { repeatedKeys } from "../codecs/json-keys.ts";
import { pointerTo } from "../codecs/pointer.ts";
import { isTableName, type Shaped, type Table, type TableName, tableNames, tableOf } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { csvRows } from "./csv-rows.ts";

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
  /** The rejection whose mended row this is. */
  replaces?: number;
}

/**
 * Rows of a JSON body: an object of lists per table, or an array of such objects.
 * @param only the body is a list of this table's rows, or one row
 * @throws MusterError `invalid` for a body that is not JSON, of another shape, or without a row
 */
export function rowsOfJson(text: string, only?: TableName): BatchRow[] {
  const body = parse(text);
  const repeated = new Set(repeatedKeys(text, body));
  const rows = new Rows(repeated);
  if (only !== undefined) rows.list(only, Array.isArray(body) ? body : [body], [], !Array.isArray(body));
  else if (Array.isArray(body)) body.forEach((part, index) => void rows.part(part, [index]));
  else rows.part(body, []);
  return rows.all();
}

/** Rows of newline-delimited JSON; a line that is not JSON is a row at fault, and an empty one is none. */
export function rowsOfNdjson(text: string, only: TableName): BatchRow[] {
  const table = tableOf(only);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const rows = lines.map((line, index): BatchRow => {
    const place = { table: only, index, raw: () => Buffer.from(line.trim()), pointer: pointerAt([index]) };
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      const reason = { code: "wrong_type" as const, detail: "the line is not JSON" };
      return { ...place, shaped: { values: table.columns.map(() => undefined), reasons: [reason] } };
    }
    const shaped = fromJson(table, row, { keyOptional: true });
    for (const pointer of repeatedKeys(line, row)) giveTwice(shaped, pointer);
    return { ...place, shaped };
  });
  return notEmpty(rows);
}

/** Rows of CSV, with or without a header row. @throws MusterError `refused` for a header in other words */
export async function rowsOfCsv(bytes: Uint8Array, only: TableName): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const block of csvRows(tableOf(only), once(bytes), "the body")) {
    for (const { values, reasons, raw, columns } of block) {
      const index = rows.length;
      rows.push({ table: only, index, shaped: { values, reasons }, raw, columns, pointer: pointerAt([index]) });
    }
  }
  return notEmpty(rows);
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MusterError("invalid", "the body is not JSON");
  }
}

type Path = readonly (string | number)[];

const pointerAt = (path: Path) => (field?: string) => pointerTo(field === undefined ? path : [...path, field]);

/** Collects rows in the order of the body. */
class Rows {
  readonly #rows: BatchRow[] = [];
  readonly #counts = new Map<TableName, number>();

  constructor(private readonly repeated: ReadonlySet<string>) {}

  all(): BatchRow[] {
    return notEmpty(this.#rows);
  }

  /** An object of lists per table. */
  part(part: unknown, path: Path): void {
    if (!isObject(part)) throw wrongShape(path, "must be an object of lists of rows, each named for its table");
    for (const [name, list] of Object.entries(part)) {
      const here = [...path, name];
      if (!isTableName(name)) throw wrongShape(here, `is no table: the tables are ${tableNames.join(", ")}`);
      if (this.repeated.has(pointerTo(here))) throw wrongShape(here, "is given twice");
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
      this.#add(table, element, here, pointerAt(here));
    });
    end();
  }

  #fragments(table: Table, fields: Map<string, { value: unknown; path: Path }>): void {
    // Object.fromEntries makes even a key like __proto__ a plain field.
    const row = Object.fromEntries([...fields].map(([key, { value }]) => [key, value]));
    const [first = { path: [] as Path }] = fields.values();
    const pointer = (field?: string) => {
      const fragment = field === undefined ? undefined : fields.get(field);
      return fragment && field !== undefined ? pointerTo([...fragment.path, field]) : pointerTo(first.path);
    };
    this.#add(
      table,
      row,
      first.path,
      pointer,
      [...fields.values()].map(({ path }) => path),
    );
  }

  #add(table: Table, row: unknown, path: Path, pointer: BatchRow["pointer"], paths: readonly Path[] = [path]): void {
    const index = this.#counts.get(table.name) ?? 0;
    this.#counts.set(table.name, index + 1);
    const shaped = fromJson(table, row, { keyOptional: true });
    if (this.repeated.size > 0) {
      const prefixes = paths.map((each) => `${pointerTo(each)}/`);
      for (const each of this.repeated) if (prefixes.some((prefix) => each.startsWith(prefix))) giveTwice(shaped, each);
    }
    this.#rows.push({ table: table.name, index, shaped, raw: () => Buffer.from(JSON.stringify(row)), pointer });
  }
}

/** JSON.parse keeps the last of two values and drops the first: that is a field too many, not a choice for us. */
function giveTwice(shaped: Shaped, pointer: string): void {
  const field = pointer
    .slice(pointer.lastIndexOf("/") + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
  shaped.reasons.push({ code: "unknown_field", field, detail: `${field} is given twice` });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const wrongShape = (path: Path, problem: string) =>
  new MusterError("invalid", `${path.length > 0 ? pointerTo(path) : "the body"} ${problem}`);

function notEmpty(rows: BatchRow[]): BatchRow[] {
  if (rows.length === 0) throw new MusterError("invalid", "the body has no row");
  return rows;
}

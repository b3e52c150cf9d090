/** What the names in a file mean: the names of CSV headers, and those of the fields of JSON, Avro and Parquet rows. */
import type { Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { shown } from "../../shown.ts";
import { hyphened } from "./option-text.ts";
import type { FileRecipe } from "./recipe.ts";

/** What a name means if it is no column's. */
export const UNKNOWN = -1;
/** What a name means that the recipe tells to ignore. */
export const IGNORED = -2;

/** A longer name is unknown: no column's name is that long, even with blanks around it. */
const NAME_LENGTH_MAX = 256;

/** A name in lower case, without blanks, control characters and format characters such as a byte order mark. */
export const bare = (text: string): string => text.replace(/[\s\p{Cc}\p{Cf}]/gu, "").toLowerCase();

export class FieldNames {
  readonly #ofRecipe = new Map<string, number>();
  readonly #own: ReadonlyMap<string, number>;
  /** The names in the file that the recipe gives to columns, by the indexes of these. */
  readonly mapped = new Map<number, string[]>();
  /** Whether cells whose names are no columns are left out. */
  readonly leavesOutOthers: boolean;

  /**
   * @param file what the file is called in an error
   * @throws MusterError `refused` if the recipe names columns that the table does not have, or contradicts itself
   */
  constructor(
    readonly table: Table,
    { columns = {}, ignore = [], ignoreOtherColumns = false, ids }: FileRecipe = {},
    file = "",
  ) {
    this.#own = ownNames(table);
    this.leavesOutOthers = ignoreOtherColumns;
    for (const name of ignore) this.#ofRecipe.set(bare(name), IGNORED);
    if (Array.isArray(columns)) return;
    for (const [name, column] of Object.entries(columns)) {
      const index = columnCalled(table, column, "columns", file);
      const known = this.#ofRecipe.get(bare(name));
      const wrong = (why: string) => unfit(table, "columns", file, `${shown(name)} ${why}`);
      if (bare(name) === "") throw wrong("is no name that can be seen");
      if (known === IGNORED) throw wrong("is to be ignored, too: leave it out of one");
      if (known !== undefined) throw wrong("is given twice, as blanks and letter case do not count");
      if (ids === "database" && index === table.assigned) throw wrong(`is ${column}, but the database assigns ids`);
      this.#ofRecipe.set(bare(name), index);
      this.mapped.set(index, [...(this.mapped.get(index) ?? []), name]);
    }
  }

  /**
   * The index of the column that a header's cell names, UNKNOWN or IGNORED. The recipe wins over the table's own names and
   * aliases. Blanks, letter case and invisible characters do not count.
   */
  of(cell: string): number {
    if (cell.length > NAME_LENGTH_MAX) return UNKNOWN;
    const name = bare(cell);
    return this.#ofRecipe.get(name) ?? this.#own.get(name) ?? UNKNOWN;
  }

  /** What each cell of a header names. */
  ofAll(cells: readonly string[]): number[] {
    return cells.map((cell) => this.of(cell));
  }

  /** Like `of`, for a field of a JSON row: the table's own names only count as they are spelled. */
  ofField(field: string): number {
    if (field.length > NAME_LENGTH_MAX) return UNKNOWN;
    const known = this.#ofRecipe.get(bare(field));
    if (known !== undefined) return known;
    const index = this.#own.get(bare(field)) ?? UNKNOWN;
    return this.table.columns[index]?.name === field ? index : UNKNOWN;
  }

  /** What a header is expected to name: each column by the recipe's names for it, or by its own. */
  get expected(): string {
    const names = this.table.columns.map(({ name }, index) => this.mapped.get(index)?.map(shown).join(" or ") ?? name);
    return names.join(",");
  }
}

/**
 * The index of a column by its name in a recipe.
 * @throws MusterError `refused` if the table has no such column
 */
export function columnCalled(table: Table, column: string, part: keyof FileRecipe, file: string): number {
  const index = ownNames(table).get(bare(column));
  if (index === undefined) throw unfit(table, part, file, `${shown(column)} is not a column of ${table.name}`);
  return index;
}

/** A part of a recipe that does not fit the table of a file. */
export function unfit({ columns }: Table, part: keyof FileRecipe, file: string, why: string): MusterError {
  const names = columns.map(({ name }) => name).join(",");
  const place = file === "" ? "" : `${file}: `;
  const text = `${place}${part} (--${hyphened(part, "-")}) does not fit: ${why}; the columns are ${names}`;
  return new MusterError("refused", text);
}

const ownNamesByTable = new WeakMap<Table, ReadonlyMap<string, number>>();

function ownNames(table: Table): ReadonlyMap<string, number> {
  const known = ownNamesByTable.get(table);
  if (known) return known;
  const { columns } = table;
  const aliases = columns.flatMap((column, index) => column.aliases.map((alias) => [bare(alias), index] as const));
  // Names come last: if a column's name is also another column's alias, the name wins.
  const names = new Map([...aliases, ...columns.map(({ name }, index) => [bare(name), index] as const)]);
  ownNamesByTable.set(table, names);
  return names;
}

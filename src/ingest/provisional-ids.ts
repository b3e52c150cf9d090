/**
 * Files without ids (`ids: "database"` in their recipe). Their rows are numbered in the order in which they are read. The number
 * is the row's id in the stage, and only there: the server assigns the id that is stored. Every pass over the same files gives
 * the same numbers. If the server judges the rows, they have no id in the stage either (publish/staged-table.ts).
 */
import { largestId, numberKeyOf, type Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { mayAssignIds } from "../publish/definition.ts";
import type { FileRow } from "../read/file-row.ts";
import { option } from "../read/recipes/option-text.ts";
import type { Source, SourceFile } from "../read/sources/source.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { escaped } from "../shown.ts";
import type { ImportReport } from "./import-state.ts";

/** Whether the database assigns the ids of a table's rows. It is the same for all of its files: `checkIds` has seen to it. */
export const assignsIds = (source: Source, table: Table): boolean => ownFiles(source, table).some(hasNoIds);

/** The files of a table in the order in which they are read. Rows without an id have provisional ones. */
export function filesOf(source: Source, table: Table): readonly SourceFile[] {
  const files = ownFiles(source, table);
  if (!table.judgedAsRead || !files.some(hasNoIds)) return files;
  const ids = new ProvisionalIds(table);
  return files.map((file) => ({ ...file, rows: (...given) => ids.number(file.rows(...given)) }));
}

const ownFiles = ({ files }: Source, { name }: Table) => files.filter(({ table }) => table === name);
const hasNoIds = ({ recipe }: SourceFile) => recipe?.ids === "database";

export class ProvisionalIds {
  /** @param last the number of the row before the first one */
  constructor(
    private readonly table: Table,
    private last = 0,
    private readonly max = largestId(table),
  ) {}

  /**
   * Numbers the rows of the next file. A rejected row has a number too, although it does not show it.
   * @throws MusterError `refused` if there are more rows than ids
   */
  async *number(batches: AsyncGenerator<FileRow[]>): AsyncGenerator<FileRow[]> {
    for await (const rows of batches) {
      if (this.last + rows.length > this.max) {
        const advice = "give the files ids of their own, or import fewer";
        throw new MusterError("refused", `${this.table.name}: there are more rows than the ${this.max} ids: ${advice}`);
      }
      yield rows.map((row) => new NumberedRow(row, numberKeyOf(this.table), ++this.last));
    }
  }
}

class NumberedRow implements FileRow {
  readonly values: FileRow["values"];
  readonly reasons: FileRow["reasons"];
  readonly columns?: string[];
  readonly recipe: FileRow["recipe"];

  constructor(
    private readonly row: FileRow,
    key: number,
    id: number,
  ) {
    const { values, reasons, columns, recipe } = row;
    this.values = reasons.length > 0 ? values : values.with(key, id);
    this.reasons = reasons;
    if (columns) this.columns = columns;
    this.recipe = recipe;
  }

  get position(): number {
    return this.row.position;
  }

  get raw(): Uint8Array {
    return this.row.raw;
  }
}

/**
 * Checks that the database can assign the ids of a table's rows, and says that it does, if they have none.
 * @throws MusterError `refused` if only some of the table's files have ids, or if its id does not count up by itself
 */
export async function checkIds(
  { pool }: MusterDatabase,
  { source, tables, report }: { source: Source; tables: readonly Table[]; report: ImportReport },
): Promise<void> {
  for (const table of tables.filter((each) => assignsIds(source, each))) {
    const { name } = table;
    const withIds = ownFiles(source, table).find((file) => !hasNoIds(file));
    if (withIds) {
      const without = ownFiles(source, table).find(hasNoIds)?.name ?? "";
      const mixed = `${escaped(withIds.name)} has ids and ${escaped(without)} has none`;
      throw new MusterError("refused", `${name}: ${mixed}, as their recipes say: import one kind after the other`);
    }
    if (!(await mayAssignIds(pool, table))) {
      const why = "its id is not AUTO_INCREMENT, so the database cannot assign ids";
      throw new MusterError(
        "refused",
        `${name}: ${why}: leave out ${option("ids", "database")}, and give the file ids`,
      );
    }
    report.say(`${name}: rows get new ids from the database; importing these files again stores them again`);
  }
}

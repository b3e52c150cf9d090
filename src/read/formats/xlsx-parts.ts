/**
 * The parts of a workbook (.xlsx: ECMA-376, Part 1): which sheets it has, how its dates are counted, and which of its formats
 * are those of dates.
 */
import type { Entry } from "yauzl";
import { bounded } from "../../codecs/unpack.ts";
import { MusterError } from "../../errors.ts";
import { cut, escaped } from "../../shown.ts";
import type { Archive } from "./archive.ts";
import { type FormatKind, kindOfCode, kindOfId } from "./xlsx-dates.ts";
import { attributeOf, XmlFault, type XmlHandler, XmlReader } from "./xml.ts";

/** The most bytes of each part but the sheets and their strings. Excel's largest have less than a megabyte. */
const PART_BYTES_MAX = 32 * 1024 * 1024;
/** Excel's own limits are 64,000 formats of cells, and as many sheets as fit into memory. */
const [STYLES_MAX, SHEETS_MAX] = [100_000, 10_000];

export interface Sheet {
  name: string;
  entry: Entry;
  isHidden: boolean;
}

export class Workbook {
  readonly sheets: Sheet[] = [];
  /** Whether its dates are counted from 1904, as old versions for the Mac do. */
  is1904 = false;
  /** For each style of cells what its numbers are. */
  readonly styles: FormatKind[] = [];
  /** The part that holds the texts of cells, if there is one. */
  strings: Entry | undefined;
  readonly #entries: Map<string, Entry>;

  private constructor(
    private readonly archive: Archive,
    private readonly name: string,
    private readonly bytesMax: number | undefined,
  ) {
    this.#entries = new Map(archive.entries.map((entry) => [entry.fileName, entry]));
    if (this.#entries.size < archive.entries.length) throw this.damaged("it has two parts of one name");
  }

  /**
   * @param bytesMax how many bytes each of its parts may unpack to
   * @throws MusterError `refused` if the archive is no workbook, or is damaged
   */
  static async open(archive: Archive, name: string, bytesMax?: number): Promise<Workbook> {
    const workbook = new Workbook(archive, name, bytesMax);
    await workbook.#look();
    return workbook;
  }

  damaged(why: string): MusterError {
    return new MusterError("refused", `${this.name} is not a valid workbook (.xlsx): ${why}; nothing was imported`);
  }

  /** Parses a part. Yields after each piece of it. */
  async *parse(entry: Entry, handler: XmlHandler, bytesMax = this.bytesMax): AsyncGenerator<void> {
    const why = this.archive.whyNotUnpacked(entry);
    if (why !== undefined) throw this.damaged(`its part ${escaped(cut(entry.fileName))} is ${why}`);
    const xml = new XmlReader(handler);
    try {
      for await (const chunk of bounded(
        this.archive.read(entry),
        `${this.name}: ${escaped(entry.fileName)}`,
        bytesMax,
      )) {
        xml.write(chunk);
        yield;
      }
      xml.end();
    } catch (error) {
      if (!(error instanceof XmlFault)) throw error;
      throw this.damaged(`its part ${escaped(cut(entry.fileName))} cannot be read: ${error.message}`);
    }
    yield;
  }

  async #part(entry: Entry, handler: XmlHandler): Promise<void> {
    for await (const _ of this.parse(entry, handler, Math.min(PART_BYTES_MAX, this.bytesMax ?? PART_BYTES_MAX)));
  }

  async #look(): Promise<void> {
    const [main] = await this.#related("", "officeDocument");
    if (!main) throw this.damaged("it has no workbook");
    const sheets: { name: string; id: string; isHidden: boolean }[] = [];
    await this.#part(main.entry, {
      open: (element, attributes) => {
        if (element === "workbookPr") this.is1904 = isTrue(attributes.date1904);
        if (element !== "sheet") return;
        const { name = "", state = "visible" } = attributes;
        sheets.push({ name, id: attributeOf(attributes, "id") ?? "", isHidden: state !== "visible" });
        if (sheets.length > SHEETS_MAX) throw this.damaged(`it has over ${SHEETS_MAX} sheets`);
      },
    });
    const path = main.entry.fileName;
    // Sheets that hold only a chart have another type.
    const parts = new Map((await this.#related(path, "worksheet")).map(({ id, entry }) => [id, entry]));
    for (const { name, id, isHidden } of sheets) {
      const entry = parts.get(id);
      if (entry) this.sheets.push({ name, entry, isHidden });
    }
    const [styles] = await this.#related(path, "styles");
    if (styles) await this.#readStyles(styles.entry);
    this.strings = (await this.#related(path, "sharedStrings"))[0]?.entry;
  }

  /** The parts of a type that a part names: its relationships (ECMA-376, Part 2, 9.3). */
  async #related(path: string, type: string): Promise<{ id: string; entry: Entry }[]> {
    const slash = path.lastIndexOf("/") + 1;
    const list = this.#entries.get(`${path.slice(0, slash)}_rels/${path.slice(slash)}.rels`);
    const found: { id: string; entry: Entry }[] = [];
    if (!list) return found;
    await this.#part(list, {
      open: (element, { Id: id = "", Type = "", Target = "", TargetMode }) => {
        if (element !== "Relationship" || TargetMode === "External" || !Type.endsWith(`/${type}`)) return;
        const entry = this.#entries.get(resolvedPath(path.slice(0, slash), Target));
        if (entry) found.push({ id, entry });
        if (found.length > SHEETS_MAX) throw this.damaged(`it has over ${SHEETS_MAX} parts`);
      },
    });
    return found;
  }

  async #readStyles(entry: Entry): Promise<void> {
    const codes = new Map<string, FormatKind>();
    let isInCells = false;
    await this.#part(entry, {
      open: (element, { numFmtId = "0", formatCode = "" }) => {
        if (element === "numFmt") codes.set(numFmtId, kindOfCode(formatCode));
        if (element === "cellXfs") isInCells = true;
        if (element === "xf" && isInCells) this.styles.push(codes.get(numFmtId) ?? kindOfId(Number(numFmtId)));
        if (codes.size > STYLES_MAX || this.styles.length > STYLES_MAX)
          throw this.damaged(`it has over ${STYLES_MAX} formats`);
      },
      close: (element) => {
        if (element === "cellXfs") isInCells = false;
      },
    });
  }
}

/** A boolean of XML Schema. */
export const isTrue = (value: string | undefined) => value === "1" || value === "true";

/** The name of an entry that is named relative to a folder. It is looked up in the archive, and never used as a path. */
function resolvedPath(folder: string, target: string): string {
  const parts: string[] = [];
  for (const part of (target.startsWith("/") ? target : folder + target).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/**
 * Reads the end of a Parquet file: its columns, and where the values of each row group lie
 * (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 */
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";
import { damaged, type ParquetSource } from "./parquet-bytes.ts";
import { Thrift } from "./thrift.ts";

/** The most bytes of the metadata at the end of a file: enough for 100,000 parts of columns. */
const FOOTER_BYTES_MAX = 16 * 1024 * 1024;
/** The most columns of a file: no MySQL table has more. */
const COLUMNS_MAX = 4_096;
/**
 * How many rows a file may claim for each of its bytes. Rows that are all alike take almost no bytes, so a few bytes could
 * claim billions.
 */
const ROWS_PER_BYTE_MAX = 4_096;

const MAGIC = "PAR1";
/** The length of the metadata, and the magic. */
const END_BYTES = 8;

export interface ParquetColumn {
  name: string;
  /** Undefined for lists, maps and structs. */
  leaf: ParquetLeaf | undefined;
}

/** How the values of a column are stored (parquet.thrift, SchemaElement). */
export interface ParquetLeaf {
  /** An index in PHYSICAL_TYPES. */
  type: number;
  /** How many bytes each value has if it is of the type FIXED_LEN_BYTE_ARRAY. */
  typeLength: number;
  isOptional: boolean;
  converted: number | undefined;
  logical: LogicalType | undefined;
  scale: number;
}

export interface LogicalType {
  /** Its number in the union LogicalType. */
  kind: number;
  scale?: number;
  isUtc?: boolean;
  /** 1, 2 or 3 for milliseconds, microseconds or nanoseconds. */
  unit?: number;
  isSigned?: boolean;
}

export interface RowGroup {
  rows: number;
  /** For each column that is not nested where its values lie, by the column's name. */
  chunks: Map<string, ColumnChunk>;
}

export interface ColumnChunk {
  codec: number;
  start: number;
  end: number;
}

export interface ParquetFooter {
  columns: ParquetColumn[];
  groups: RowGroup[];
}

/** @throws MusterError `refused` if the file is damaged, encrypted or larger than the limits */
export async function readFooter(file: ParquetSource): Promise<ParquetFooter> {
  if (file.bytes < MAGIC.length + END_BYTES) throw damaged("it is cut off");
  const end = await file.bytesAt(file.bytes - END_BYTES, END_BYTES);
  if (end.toString("latin1", 4) !== MAGIC) throw damaged("its end is missing");
  const bytes = end.readUInt32LE();
  const start = file.bytes - END_BYTES - bytes;
  if (start < MAGIC.length) throw damaged(`its metadata cannot have ${bytes} bytes`);
  if (bytes > FOOTER_BYTES_MAX)
    throw refused(`its metadata has ${bytes} bytes, and up to ${FOOTER_BYTES_MAX} are read: write larger row groups`);
  const { elements, groups, rows } = metadata(new Thrift(await file.bytesAt(start, bytes)));
  const columns = columnsOf(elements);
  if (rows > file.bytes * ROWS_PER_BYTE_MAX) throw damaged(`it claims ${rows} rows in ${file.bytes} bytes`);
  const found = groups.reduce((sum, group) => sum + group.rows, 0);
  if (found !== rows) throw damaged(`it claims ${rows} rows, and its row groups have ${found}`);
  const flat = new Set(columns.filter(({ leaf }) => leaf).map(({ name }) => name));
  const filled = groups.filter((group) => group.rows > 0);
  return { columns, groups: filled.map((group) => groupOf(group, flat, start)) };
}

interface Element extends ParquetLeaf {
  name: string;
  hasType: boolean;
  repetition: number;
  children: number;
}

interface RawGroup {
  rows: number;
  chunks: RawChunk[];
}

interface RawChunk {
  path: string[];
  codec: number;
  values: number;
  bytes: number;
  dataOffset: number;
  dictionaryOffset: number;
}

function metadata(thrift: Thrift): { elements: Element[]; groups: RawGroup[]; rows: number } {
  const found: { elements: Element[]; groups: RawGroup[]; rows: number } = { elements: [], groups: [], rows: 0 };
  thrift.struct((id) => {
    if (id === 2) thrift.list(() => found.elements.push(element(thrift)));
    else if (id === 3) found.rows = thrift.size();
    else if (id === 4) thrift.list(() => found.groups.push(rowGroup(thrift)));
    else if (id === 8) throw encrypted();
    else thrift.skip();
  });
  return found;
}

const encrypted = () => refused("it has encrypted columns: write it without encryption");

function element(thrift: Thrift): Element {
  const found: Element = {
    ...{ name: "", type: 0, hasType: false, typeLength: 0, repetition: 0, children: 0, isOptional: false },
    ...{ converted: undefined, logical: undefined, scale: 0 },
  };
  thrift.struct((id) => {
    if (id === 1) [found.type, found.hasType] = [thrift.size(), true];
    else if (id === 2) found.typeLength = thrift.size();
    else if (id === 3) found.repetition = thrift.size();
    else if (id === 4) found.name = thrift.text();
    else if (id === 5) found.children = thrift.size();
    else if (id === 6) found.converted = thrift.size();
    else if (id === 7) found.scale = thrift.size();
    else if (id === 10) found.logical = logicalType(thrift);
    else thrift.skip();
  });
  return { ...found, isOptional: found.repetition === OPTIONAL };
}

const OPTIONAL = 1;
const REPEATED = 2;
export const LOGICAL = {
  string: 1,
  enum: 4,
  decimal: 5,
  date: 6,
  time: 7,
  timestamp: 8,
  integer: 10,
  json: 12,
  uuid: 14,
};

function logicalType(thrift: Thrift): LogicalType | undefined {
  let found: LogicalType | undefined;
  thrift.struct((kind) => {
    const type: LogicalType = { kind };
    thrift.struct((id) => {
      if (kind === LOGICAL.decimal && id === 1) type.scale = thrift.size();
      else if ((kind === LOGICAL.time || kind === LOGICAL.timestamp) && id === 1) type.isUtc = thrift.boolean();
      else if ((kind === LOGICAL.time || kind === LOGICAL.timestamp) && id === 2)
        thrift.struct((unit) => {
          type.unit = unit;
          thrift.skip();
        });
      else if (kind === LOGICAL.integer && id === 2) type.isSigned = thrift.boolean();
      else thrift.skip();
    });
    found = type;
  });
  return found;
}

function rowGroup(thrift: Thrift): RawGroup {
  const found: RawGroup = { rows: 0, chunks: [] };
  thrift.struct((id) => {
    if (id === 1) thrift.list(() => found.chunks.push(columnChunk(thrift)));
    else if (id === 3) found.rows = thrift.size();
    else thrift.skip();
  });
  return found;
}

function columnChunk(thrift: Thrift): RawChunk {
  const found: RawChunk = { path: [], codec: 0, values: 0, bytes: 0, dataOffset: 0, dictionaryOffset: 0 };
  thrift.struct((id) => {
    if (id === 1) throw refused(`its values are in another file, ${shown(thrift.text())}: write them into one file`);
    if (id === 8) throw encrypted();
    if (id !== 3) return thrift.skip();
    thrift.struct((field) => {
      if (field === 3) thrift.list(() => found.path.push(thrift.text()));
      else if (field === 4) found.codec = thrift.size();
      else if (field === 5) found.values = thrift.size();
      else if (field === 7) found.bytes = thrift.size();
      else if (field === 9) found.dataOffset = thrift.size();
      else if (field === 11) found.dictionaryOffset = thrift.size();
      else thrift.skip();
    });
  });
  return found;
}

/** The columns at the top of the schema. Its elements stand in the order of a tree, each before its children. */
function columnsOf(elements: readonly Element[]): ParquetColumn[] {
  const [root] = elements;
  if (!root) throw damaged("it has no schema");
  if (root.children > COLUMNS_MAX)
    throw refused(
      `it has ${root.children} columns, and up to ${COLUMNS_MAX} are read: write only those that are needed`,
    );
  const columns: ParquetColumn[] = [];
  let at = 1;
  while (columns.length < root.children) {
    const element = elements[at];
    if (!element) throw damaged("its schema is cut off");
    const isNested = element.children > 0 || element.repetition === REPEATED || !element.hasType;
    columns.push({ name: element.name, leaf: isNested ? undefined : element });
    for (let pending = 1; pending > 0; at++) {
      const each = elements[at];
      if (!each) throw damaged("its schema is cut off");
      pending += each.children - 1;
    }
  }
  if (at !== elements.length) throw damaged("its schema has elements that belong to none of its columns");
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name)) throw refused(`it has two columns ${shown(name)}: write one of them`);
    names.add(name);
  }
  return columns;
}

/** @param flat the names of the columns that are not nested */
function groupOf({ rows, chunks }: RawGroup, flat: ReadonlySet<string>, end: number): RowGroup {
  const found = new Map<string, ColumnChunk>();
  for (const { path, codec, values, bytes, dataOffset, dictionaryOffset } of chunks) {
    const [name = ""] = path;
    if (path.length !== 1 || !flat.has(name)) continue;
    const start = dictionaryOffset > 0 && dictionaryOffset < dataOffset ? dictionaryOffset : dataOffset;
    if (start < MAGIC.length || start + bytes > end)
      throw damaged(`the column ${shown(name)} lies outside of the file`);
    if (found.has(name)) throw damaged(`a row group has the column ${shown(name)} twice`);
    found.set(name, { codec, start, end: start + bytes });
    if (values !== rows) throw damaged(`the column ${shown(name)} has ${values} values for ${rows} rows`);
  }
  for (const name of flat) if (!found.has(name)) throw damaged(`a row group has no column ${shown(name)}`);
  return { rows, chunks: found };
}

const refused = (why: string) => new MusterError("refused", why);

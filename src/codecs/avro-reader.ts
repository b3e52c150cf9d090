/**
 * Compiles the schema of an Avro file into readers of its fields. avsc is not used for this:
 * its readers replace bytes that are not UTF-8, and trust the counts and depths that a file claims.
 */
import type { AvroSchema } from "./avro.ts";
import { type Cursor, DEPTH_MAX, damaged } from "./avro-cursor.ts";

/**
 * The most types in one schema. Each field, union branch and item counts as one. A table needs about 3,000 at most: InnoDB
 * allows 1017 columns, with 3 types each.
 */
const SCHEMA_TYPES_MAX = 5_000;
/** The most digits after the point of a decimal. No database keeps more. */
const SCALE_MAX = 1_000;

type Read = (from: Cursor) => unknown;

export interface FieldReader {
  name: string;
  /** Its type, as the schema writes it. */
  type: unknown;
  read: Read;
}

/** For each logical type, by name: the function that converts a value that was read. */
export type LogicalTypes = Record<string, (value: unknown, scale: number) => unknown>;

/**
 * Makes the readers of a record's fields, in order. They read an int or long as a number, or as digits past 2^53; bytes and
 * fixed as a Uint8Array; a record or map as an object; a union as the value of its branch.
 * @throws MusterError `backup_damaged` if the schema breaks the specification (1.11, Schema Declaration), or is too large
 */
export function fieldReaders(schema: AvroSchema, logicalTypes: LogicalTypes = {}): FieldReader[] {
  return new Compiler(logicalTypes).fields({ ...schema }, "", 0);
}

type Definition = Record<string, unknown>;

class Compiler {
  /** The named types, by full name. `read` is missing while a record's fields are compiled: they may refer to the record. */
  readonly #named = new Map<string, { read?: Read }>();
  #types = 0;

  constructor(private readonly logicalTypes: LogicalTypes) {}

  fields(record: Definition, outer: string, depth: number): FieldReader[] {
    const { fields } = record;
    if (!Array.isArray(fields)) throw unusable("a record has no fields");
    const namespace = namespaceOf(record, outer);
    const named: { read?: Read } = {};
    this.#define(record, outer, named);
    const readers = fields.map((field: unknown): FieldReader => {
      const { name, type } = isDefinition(field) ? field : {};
      if (typeof name !== "string") throw unusable("a field has no name");
      return { name, type, read: this.#reader(type, namespace, depth + 1) };
    });
    if (new Set(readers.map(({ name }) => name)).size < readers.length) throw unusable("a record has a field twice");
    named.read = objectOf(readers);
    return readers;
  }

  #reader(type: unknown, namespace: string, depth: number): Read {
    if (depth > DEPTH_MAX) throw unusable(`it is nested deeper than ${DEPTH_MAX} levels`);
    if (++this.#types > SCHEMA_TYPES_MAX) throw unusable(`it has more than ${SCHEMA_TYPES_MAX} types`);
    if (typeof type === "string") return PRIMITIVES.get(type) ?? this.#reference(type, namespace);
    if (Array.isArray(type)) return unionOf(type.map((branch) => this.#reader(branch, namespace, depth + 1)));
    if (!isDefinition(type)) throw unusable("a type is neither a name nor an object");
    return this.#logical(type, this.#complex(type, namespace, depth));
  }

  #complex(definition: Definition, namespace: string, depth: number): Read {
    const { type, items, values } = definition;
    switch (type) {
      case "record":
      case "error":
        return objectOf(this.fields(definition, namespace, depth));
      case "array":
        return listOf(this.#reader(items, namespace, depth + 1));
      case "map":
        return mapOf(this.#reader(values, namespace, depth + 1));
      case "enum":
        return this.#define(definition, namespace, { read: symbolOf(definition.symbols) }).read;
      case "fixed":
        return this.#define(definition, namespace, { read: fixedOf(definition.size) }).read;
      default:
        return this.#reader(type, namespace, depth + 1);
    }
  }

  #logical({ logicalType, scale = 0 }: Definition, read: Read): Read {
    if (typeof logicalType !== "string" || !Object.hasOwn(this.logicalTypes, logicalType)) return read;
    const convert = this.logicalTypes[logicalType];
    // As the specification demands, an invalid logical type is ignored.
    if (!convert || !isWhole(scale) || scale > SCALE_MAX) return read;
    return (from) => convert(read(from), scale);
  }

  #define<Named extends object>(definition: Definition, outer: string, named: Named): Named {
    const { name } = definition;
    if (typeof name !== "string" || name === "") throw unusable("a type has no name");
    const namespace = namespaceOf(definition, outer);
    const full = name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
    if (this.#named.has(full)) throw unusable("a type is defined twice");
    this.#named.set(full, named);
    return named;
  }

  #reference(name: string, namespace: string): Read {
    const named = this.#named.get(`${namespace}.${name}`) ?? this.#named.get(name);
    if (!named) throw unusable("a type is not defined");
    return named.read ?? ((from) => named.read?.(from));
  }
}

const unusable = (why: string) => damaged(`its schema cannot be used: ${why}`);

const isDefinition = (value: unknown): value is Definition =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** The namespace inside a definition: from its full name, from its `namespace`, or the one around it. */
function namespaceOf({ name, namespace }: Definition, outer: string): string {
  if (typeof name === "string" && name.includes(".")) return name.slice(0, name.lastIndexOf("."));
  return typeof namespace === "string" ? namespace : outer;
}

const PRIMITIVES = new Map<string, Read>([
  ["null", () => null],
  ["boolean", (from) => from.boolean()],
  ["int", (from) => from.long()],
  ["long", (from) => from.long()],
  ["float", (from) => from.float()],
  ["double", (from) => from.double()],
  ["bytes", (from) => from.bytes()],
  ["string", (from) => from.text()],
]);

function unionOf(branches: readonly Read[]): Read {
  return (from) => {
    const read = branches[from.size()];
    if (!read) throw damaged("a record has a branch that its schema does not have");
    return read(from);
  };
}

function objectOf(fields: readonly FieldReader[]): Read {
  return (from) => {
    from.enter();
    from.count(fields.length);
    const object = {};
    for (const { name, read } of fields) setOwn(object, name, read(from));
    from.leave();
    return object;
  };
}

function listOf(read: Read): Read {
  return (from) => {
    from.enter();
    const list: unknown[] = [];
    for (let count = from.blockCount(); count > 0; count = from.blockCount())
      for (; count > 0; count--) list.push(read(from));
    from.leave();
    return list;
  };
}

function mapOf(read: Read): Read {
  return (from) => {
    from.enter();
    const map = {};
    for (let count = from.blockCount(); count > 0; count = from.blockCount())
      for (; count > 0; count--) setOwn(map, from.key(), read(from));
    from.leave();
    return map;
  };
}

/** Sets a property. Assigning to `__proto__` would change the prototype, so a property of that name is defined instead. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function symbolOf(symbols: unknown): Read {
  if (!Array.isArray(symbols) || !symbols.every((symbol) => typeof symbol === "string"))
    throw unusable("an enum has no symbols");
  return (from) => {
    const symbol: string | undefined = symbols[from.size()];
    if (symbol === undefined) throw damaged("a record has a symbol that its schema does not have");
    return symbol;
  };
}

function fixedOf(size: unknown): Read {
  if (!isWhole(size)) throw unusable("a fixed has no size");
  return (from) => from.bytes(size);
}

/** Cuts a JSON array into the texts of its elements, as its bytes arrive. Holds at most one element and one chunk. */
import { RECORD_BYTES_MAX } from "../../codecs/codec.ts";
import { RAW_BYTES_MAX } from "../../db/ledger.ts";
import { MusterError } from "../../errors.ts";
import { ROWS_PER_BATCH } from "../../event-loop.ts";
import { JSON_DEPTH_MAX } from "../../limits.ts";
import { shown } from "../../shown.ts";

/** The text of one element of an array. */
export interface JsonElement {
  /** 1-based. */
  number: number;
  /** The text as it stands, or only its start if it is too long. */
  bytes: Uint8Array;
  /** It is longer than RECORD_BYTES_MAX. */
  isTooLong: boolean;
}

/**
 * Finds the elements by brackets, quotes and commas alone. Whether each is JSON is for the caller to see: an element that is
 * not may be rejected alone.
 * @param name what the file is called in an error
 * @throws MusterError `refused` with the line, if it cannot be told where an element ends, if the array is not closed, or if
 * something comes after it. Passes on what `chunks` throws
 */
export async function* elementsOf(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<JsonElement[]> {
  const scanner = new ElementScanner(name);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const elements: JsonElement[] = [];
      at = scanner.scan(chunk, at, elements);
      yield elements;
    }
  }
  scanner.end();
}

const [TAB, LF, CR, BLANK] = [9, 10, 13, 32];
const [QUOTE, COMMA, COLON, BACKSLASH] = [34, 44, 58, 92];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];
const BOM = Buffer.from("\uFEFF");

/**
 * What may come next. `array`: the bracket that opens it. `first`: an element, or the end of the array. `element`: one after a
 * comma. `word`: the rest of a number or a word. `inside`: the rest of a string, list or object. `comma`: a comma, or the end
 * of the array. `nothing`: only white space.
 */
type Next = "array" | "first" | "element" | "word" | "inside" | "comma" | "nothing";

class ElementScanner {
  #next: Next = "array";
  #line = 1;
  /** The line of the bracket that opens the array. */
  #begun = 1;
  #count = 0;
  #isInString = false;
  #isEscaped = false;
  /** A string has just ended. */
  #isAfterString = false;
  /** How many lists and objects are open inside the array, and the closing brackets of the outermost JSON_DEPTH_MAX. */
  #depth = 0;
  readonly #closings = new Uint8Array(JSON_DEPTH_MAX);
  readonly #open = new OpenElement();
  /** How many bytes of a byte order mark may still come. */
  #mark = 0;

  constructor(private readonly name: string) {}

  /** Adds the elements that end in a chunk, at most ROWS_PER_BATCH. @returns where to go on */
  scan(chunk: Uint8Array, from: number, elements: JsonElement[]): number {
    let start = from;
    const close = (end: number) => {
      this.#open.add(chunk.subarray(start, end));
      elements.push(this.#open.end(++this.#count));
      this.#next = "comma";
    };
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === LF) this.#line++;
      if (this.#isInString) {
        if (this.#skipInString(byte) && this.#depth === 0) close(at + 1);
      } else if (byte === BLANK || byte === LF || byte === CR || byte === TAB) {
        if (this.#next === "word") close(at);
      } else if (this.#next === "inside") {
        if (this.#goOn(byte)) close(at + 1);
      } else if (this.#next === "word" && byte !== COMMA && byte !== CLOSE_LIST) {
        if (isMark(byte)) throw this.#unclear(`${shown(String.fromCharCode(byte))} stands inside a number or a word`);
      } else {
        if (this.#next === "word") close(at);
        if (this.#between(byte)) start = at;
        else if (elements.length >= ROWS_PER_BATCH) return at + 1;
      }
    }
    if (this.#next === "inside" || this.#next === "word") this.#open.add(chunk.subarray(start));
    return chunk.length;
  }

  /** @throws MusterError `refused` if the array is not closed */
  end(): void {
    if (this.#next === "array") throw this.#refused("it is empty, and no JSON array: an array without rows is []");
    if (this.#next === "nothing") return;
    throw this.#refused(`it is cut off: the array that begins on line ${this.#begun} is not closed`);
  }

  /** Goes on in a string. @returns whether it ends here */
  #skipInString(byte: number): boolean {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) {
      this.#isInString = false;
      this.#isAfterString = true;
      return true;
    }
    return false;
  }

  /** Goes on in a list or an object, outside of strings. @returns whether the element ends here */
  #goOn(byte: number): boolean {
    if (this.#isAfterString && byte !== COLON && byte !== COMMA && byte !== CLOSE_OBJECT && byte !== CLOSE_LIST)
      throw this.#unclear(`${shown(String.fromCharCode(byte))} stands after a string`);
    this.#isAfterString = false;
    if (byte === QUOTE) this.#isInString = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#enter(byte);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      const expected = this.#closings[--this.#depth];
      if (expected !== undefined && expected !== byte)
        throw this.#unclear(
          `${shown(String.fromCharCode(byte))} stands in place of ${shown(String.fromCharCode(expected))}`,
        );
      return this.#depth === 0;
    }
    return false;
  }

  #enter(opening: number): void {
    // Typed arrays ignore what is written past their end: deeper brackets are only counted.
    this.#closings[this.#depth++] = opening === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST;
    this.#next = "inside";
  }

  /** Takes a byte between two elements. @returns whether an element begins with it */
  #between(byte: number): boolean {
    const what = shown(String.fromCharCode(byte));
    switch (this.#next) {
      case "array":
        if (byte === BOM[this.#mark]) this.#mark++;
        else if (byte === OPEN_LIST) {
          this.#next = "first";
          this.#begun = this.#line;
        } else throw this.#refused(`it is no JSON array, and begins with ${what}`);
        return false;
      case "comma":
        if (byte === COMMA) this.#next = "element";
        else if (byte === CLOSE_LIST) this.#next = "nothing";
        else throw this.#unclear(`${what} stands in place of a comma`);
        return false;
      case "nothing":
        throw this.#unclear(`${what} stands after the end of the array`);
      default:
        if (byte === CLOSE_LIST && this.#next === "first") {
          this.#next = "nothing";
          return false;
        }
        this.#begin(byte, what);
        return true;
    }
  }

  #begin(byte: number, what: string): void {
    this.#isAfterString = false;
    if (byte === QUOTE) {
      this.#isInString = true;
      this.#next = "inside";
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#enter(byte);
    else if (isMark(byte)) throw this.#unclear(`${what} stands in place of an element`);
    else this.#next = "word";
  }

  #unclear(why: string): MusterError {
    return this.#refused(
      `line ${this.#line} is not JSON: ${why}, so the rows after it cannot be told apart; correct it`,
    );
  }

  #refused(why: string): MusterError {
    return new MusterError("refused", `${this.name}: ${why}`);
  }
}

/** Whether a byte has a meaning in JSON outside of strings, numbers and words. */
const isMark = (byte: number) => [QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT].includes(byte);

/** An element whose end has not come yet. */
class OpenElement {
  #length = 0;
  #pieces: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    if (this.#length <= RECORD_BYTES_MAX) this.#pieces.push(piece);
    this.#length += piece.length;
  }

  end(number: number): JsonElement {
    const [only = new Uint8Array()] = this.#pieces;
    const whole = this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : only;
    const isTooLong = this.#length > RECORD_BYTES_MAX;
    this.#length = 0;
    this.#pieces = [];
    return { number, bytes: isTooLong ? whole.subarray(0, RAW_BYTES_MAX) : whole, isTooLong };
  }
}

/** Reads XML piece by piece, within limits. There are no DTDs, so entities cannot grow (xmlns and its prefixes are ignored). */
import sax from "sax";
import { cut, escaped } from "../../shown.ts";

/** Deeper than any part of a workbook. */
const DEPTH_MAX = 64;
const ATTRIBUTES_MAX = 256;

/** Only the five entities of XML itself. The types of sax do not have this option. */
const STRICT: sax.SAXOptions & { strictEntities: boolean } = { strictEntities: true };

export type XmlAttributes = Readonly<Record<string, string>>;

/** Is called for each element by its name without a prefix. */
export interface XmlHandler {
  open?(name: string, attributes: XmlAttributes): void;
  /** A long text comes in several parts. */
  text?(text: string): void;
  close?(name: string): void;
}

/** What is wrong with the XML. */
export class XmlFault extends Error {}

export class XmlReader {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #parser = sax.parser(true, STRICT);
  #depth = 0;
  #attributes = 0;

  constructor(handler: XmlHandler) {
    const parser = this.#parser;
    parser.onerror = (error) => {
      throw new XmlFault(escaped(cut(error.message.split("\n")[0] ?? "")));
    };
    parser.ondoctype = () => {
      throw new XmlFault("it has a DTD");
    };
    parser.onopentagstart = () => {
      this.#attributes = 0;
      if (++this.#depth > DEPTH_MAX) throw new XmlFault(`it is nested over ${DEPTH_MAX} levels deep`);
    };
    parser.onattribute = () => {
      if (++this.#attributes > ATTRIBUTES_MAX) throw new XmlFault(`an element has over ${ATTRIBUTES_MAX} attributes`);
    };
    parser.onopentag = ({ name, attributes }) => handler.open?.(localName(name), attributes as XmlAttributes);
    parser.onclosetag = (name) => {
      this.#depth--;
      handler.close?.(localName(name));
    };
    parser.ontext = (text) => handler.text?.(text);
    parser.oncdata = (text) => handler.text?.(text);
  }

  /** @throws XmlFault if it is not XML in UTF-8 or breaks a limit */
  write(bytes: Uint8Array): void {
    this.#parser.write(this.#decoded(bytes, true));
  }

  /** Called after the last bytes. @throws XmlFault if the XML is cut off */
  end(): void {
    this.#parser.write(this.#decoded(new Uint8Array(), false)).close();
  }

  #decoded(bytes: Uint8Array, isMore: boolean): string {
    try {
      return this.#decoder.decode(bytes, { stream: isMore });
    } catch {
      throw new XmlFault("it is not UTF-8");
    }
  }
}

const localName = (name: string) => name.slice(name.indexOf(":") + 1);

/** The value of an attribute by its name without a prefix. */
export function attributeOf(attributes: XmlAttributes, name: string): string | undefined {
  const found = Object.keys(attributes).find((each) => localName(each) === name);
  return found === undefined ? undefined : attributes[found];
}

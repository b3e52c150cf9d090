/** The names and values of the first JSON objects of a file. */
import { elementsOf } from "../formats/json-elements.ts";

/** How many objects are looked at. */
const OBJECTS_MAX = 1_000;
/** How many names are looked at. */
const NAMES_MAX = 1_000;

export interface Named {
  names: string[];
  /** The values of each name as text. */
  samples: string[][];
}

/** @param isArray whether the text is an array. If not, it has an object on each line */
export const namesOfJson = (text: string, isArray: boolean): Promise<Named> =>
  namesOfObjects(isArray ? elements(text) : lines(text));

/** @param texts the JSON text of each object */
export async function namesOfObjects(texts: AsyncIterable<string> | Iterable<string>): Promise<Named> {
  const samples = new Map<string, string[]>();
  let objects = 0;
  for await (const each of texts) {
    if (objects++ === OBJECTS_MAX) break;
    for (const [name, value] of Object.entries(objectOf(each))) {
      const known = samples.get(name) ?? [];
      if (known.length === 0 && samples.size === NAMES_MAX) continue;
      samples.set(name, known);
      known.push(typeof value === "object" ? "" : String(value ?? ""));
    }
  }
  return { names: [...samples.keys()], samples: [...samples.values()] };
}

function* lines(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    yield text.slice(at, end === -1 ? text.length : end);
    at = end === -1 ? text.length : end + 1;
  }
}

/** The elements up to the place where the text is cut or damaged. */
async function* elements(text: string): AsyncGenerator<string> {
  const chunks = (async function* () {
    yield Buffer.from(text);
  })();
  try {
    for await (const batch of elementsOf(chunks, ""))
      for (const { bytes } of batch) yield Buffer.from(bytes).toString();
  } catch {
    // The reader says what is wrong with it.
  }
}

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

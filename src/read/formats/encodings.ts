/** The encodings that files are read in: all that the WHATWG Encoding Standard names, but for its "replacement". */
import { shown } from "../../shown.ts";

/** The standard's name of the encoding that a label means, such as windows-1252 for latin1; undefined if it means none. */
export function encodingOf(label: string): string | undefined {
  try {
    return decoderOf(label).encoding;
  } catch {
    return undefined;
  }
}

/** A decoder that hands on a byte order mark. @throws RangeError for an unknown label */
export function decoderOf(label: string): TextDecoder {
  // Bun's type lists fewer labels than the standard has, and Bun knows.
  return new TextDecoder(label as ConstructorParameters<typeof TextDecoder>[0], { ignoreBOM: true });
}

/** Why a label is refused. */
export function whyUnknownEncoding(label: string): string {
  if (/^(?:utf-?32|ucs-?4)/i.test(label))
    return "must be an encoding of the WHATWG Encoding Standard, which UTF-32 is not: convert the file to UTF-8";
  const close = CLOSE_TO.map((name) => ({ name, distance: distanceOf(bare(label), bare(name)) }))
    .filter(({ name, distance }) => distance <= Math.max(2, bare(name).length / 4))
    .toSorted((one, other) => one.distance - other.distance)
    .slice(0, 3);
  const names = close.length > 0 ? close.map(({ name }) => name) : ["utf-16le", "windows-1252", "shift_jis"];
  return `must be an encoding of the WHATWG Encoding Standard, such as ${names.join(", ")}, not ${shown(label)}`;
}

/** The standard's names, and the labels that people know better. */
const CLOSE_TO =
  "utf-8 utf-16le utf-16be utf-16 latin1 ascii ibm866 iso-8859-1 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-9 iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-874 windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 cp1252 x-mac-cyrillic gbk gb2312 gb18030 big5 euc-jp iso-2022-jp shift_jis sjis euc-kr".split(
    " ",
  );

const bare = (label: string) =>
  label
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .slice(0, 40);

/** How many letters must be added, left out or changed to make one text of the other (Levenshtein). */
function distanceOf(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...one].entries()) {
    const line = [row + 1];
    for (const [column, each] of [...other].entries()) {
      const changed = (above[column] ?? 0) + (letter === each ? 0 : 1);
      line.push(Math.min(changed, (above[column + 1] ?? 0) + 1, (line[column] ?? 0) + 1));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}

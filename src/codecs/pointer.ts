import { cut, escaped } from "../shown.ts";

/** A JSON Pointer (RFC 6901). */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** A JSON Pointer as a message shows it: escaped and cut. "" is the whole document. */
export const shownPointer = (path: readonly PropertyKey[]): string => escaped(cut(pointerTo(path)));

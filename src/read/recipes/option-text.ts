/** How a message names the options that read a file. Every message that names one uses this text. */
import { escaped } from "../../shown.ts";
import type { FileRecipe } from "./recipe.ts";

/** The parts of a recipe that are options too. The zone of `datetime` is an option of its own. */
export type OptionName = Exclude<keyof FileRecipe, "match"> | "zone";

/** How long the text of a value may be, so that a message stays one line that can be read. */
const VALUE_LENGTH_MAX = 200;

/**
 * One option as the command takes it and as a request does: option("delimiter", ";") is
 * `--delimiter ';' (HTTP: delimiter=;)`, and option("trailingColumn") is `--trailing-column (HTTP: trailing_column=true)`.
 * @param value the text of a flag that takes a value. If it could not be typed as shown, "..." stands for it
 */
export const option = (name: OptionName, value: string | number | true = true): string => options({ [name]: value });

export type OptionValues = { [Name in OptionName]?: string | number | true };

/** Several options that are needed together, like `option`. */
export function options(values: OptionValues): string {
  const { flags, parameters } = optionTexts(values);
  return `${flags.join(" ")} (HTTP: ${parameters.join("&")})`;
}

/** The same, each way for itself. */
export function optionTexts(values: OptionValues): { flags: string[]; parameters: string[] } {
  const flags: string[] = [];
  const parameters: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const flag = `--${hyphened(name, "-")}`;
    const text = value === true ? "true" : typable(String(value));
    flags.push(value === true ? flag : `${flag} ${quoted(text)}`);
    parameters.push(`${hyphened(name, "_")}=${encoded(text)}`);
  }
  return { flags, parameters };
}

/** The name of a recipe's part as an option spells it: ignoreOtherColumns becomes ignore-other-columns or ignore_other_columns. */
export const hyphened = (name: string, hyphen: string) =>
  name.replace(/[A-Z]/g, (capital) => hyphen + capital.toLowerCase());

/** A tab is written "tab", as recipes take it. */
function typable(text: string): string {
  if (text === "\t") return "tab";
  return text.length > VALUE_LENGTH_MAX || escaped(text) !== text ? "..." : text;
}

/** The text as a shell takes it. */
export const quoted = (text: string) => (/^[\w.,:=/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The text as a URL takes it, with as little encoding as can be read back. */
const encoded = (text: string) => encodeURIComponent(text).replace(/%(?:3B|2C|3D|3A|2F)/g, decodeURIComponent);

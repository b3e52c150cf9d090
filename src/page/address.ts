/** Values of parameters. A list is given once for each of its values, and undefined is left out. */
export type Parameters = Readonly<Record<string, string | number | readonly (string | number)[] | undefined>>;

/** An address with the parameters that are given. Colons and commas stay as they are, so that people can read it. */
export function address(path: string, parameters: Parameters): string {
  const query = new URLSearchParams(pairsOf(parameters)).toString();
  return query === "" ? path : `${path}?${query.replaceAll("%3A", ":").replaceAll("%2C", ",")}`;
}

/** Each value with its name. */
export const pairsOf = (parameters: Parameters): [name: string, value: string][] =>
  Object.entries(parameters).flatMap(([name, value]) =>
    (typeof value === "object" ? value : value === undefined ? [] : [value]).map((each): [string, string] => [
      name,
      String(each),
    ]),
  );

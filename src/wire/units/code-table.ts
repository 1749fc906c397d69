/** `code unit; code unit`: how the lists of units are written down. */
export function tableOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(";").map((entry) => {
      const [code = "", unit = ""] = entry.trim().split(/\s+/);
      return [code, unit];
    }),
  );
}

/** The unit of a code; the table is made when the first is asked for. */
export function lookUpIn(text: string): (code: string) => string | undefined {
  let table: ReadonlyMap<string, string> | undefined;
  return (code) => (table ??= tableOf(text)).get(code);
}

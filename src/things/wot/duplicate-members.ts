/** An object that is open, or a list (no names). */
interface Open {
  readonly names: Set<string> | undefined;
  /** The member or the index that is being read. */
  at: string | number;
}

const foundMax = 20;

/**
 * Where a text, which is JSON, says a member of an object twice: `JSON.parse` keeps the last and
 * says nothing (RFC 8259 §4: names should be unique, and what software does else differs).
 */
export function duplicateMembers(text: string): string[] {
  const found: string[] = [];
  const open: Open[] = [];
  let isName = false;
  for (let at = 0; at < text.length && found.length < foundMax; at++) {
    const inner = open.at(-1);
    switch (text[at]) {
      case "{":
        open.push({ names: new Set(), at: "" });
        isName = true;
        break;
      case "[":
        open.push({ names: undefined, at: 0 });
        isName = false;
        break;
      case "}":
      case "]":
        open.pop();
        isName = false;
        break;
      case ",":
        isName = inner?.names !== undefined;
        if (typeof inner?.at === "number") inner.at++;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (isName && inner?.names !== undefined) {
          inner.at = JSON.parse(text.slice(at, end)) as string;
          if (inner.names.has(inner.at)) found.push(open.map((one) => one.at).join("."));
          inner.names.add(inner.at);
          isName = false;
        }
        at = end - 1;
      }
    }
  }
  return found;
}

/** After the closing quotation mark of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/**
 * Eclipse EDC's offer ids: its contract definition, the asset, and something new in every answer,
 * each in base64. Undefined where an id is no such one; ours have one colon, never two.
 */
export function readEdcOfferId(
  id: string,
): { readonly definition: string; readonly asset: string } | undefined {
  if (!/^[A-Za-z0-9+/]+=*:[A-Za-z0-9+/]+=*:[A-Za-z0-9+/]+=*$/.test(id)) return undefined;
  const [definition = "", asset = ""] = id.split(":").map((part) => {
    return Buffer.from(part, "base64").toString("utf8");
  });
  return { definition, asset };
}

/** Is it the same offer, seen at another time? */
export function isSameEdcOffer(one: string, other: string): boolean {
  const [a, b] = [readEdcOfferId(one), readEdcOfferId(other)];
  if (a === undefined || b === undefined) return false;
  return a.definition === b.definition && a.asset === b.asset;
}

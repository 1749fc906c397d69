/** Ids of rows that stand in order under an agreement: `<agreement>/<ten digits>`. */
const digits = 10;

export function rowId(agreement: string, seq: number): string {
  return `${rowPrefix(agreement)}${seq.toString().padStart(digits, "0")}`;
}

/** A slash in a foreign agreement's id must not reach into another agreement's rows. */
export function rowPrefix(agreement: string): string {
  return `${agreement.replaceAll("%", "%25").replaceAll("/", "%2F")}/`;
}

export function agreementOfRow(id: string): string {
  const prefix = id.slice(0, id.indexOf("/"));
  return prefix.replaceAll("%2F", "/").replaceAll("%25", "%");
}

/** After every row of the agreement, before the next agreement's: ":" follows "9". */
export function afterRowsOf(agreement: string): string {
  return `${rowPrefix(agreement)}:`;
}

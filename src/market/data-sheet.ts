/**
 * What a buyer or a user is told before an agreement, by the owner: Regulation (EU) 2023/2854,
 * Art. 3(2) and (3). How it is delivered, and that it is continuous, the product says itself.
 */
export interface DataSheet {
  /** What the data are, for people: `position and delay of each bus`. */
  readonly kind?: string;
  /** Media type of the payloads: `application/json`. */
  readonly format?: string;
  /** Estimated, of all topics together. */
  readonly messagesPerDay?: number;
  readonly bytesPerDay?: number;
  /** How long the holder keeps them. */
  readonly retentionDays?: number;
  /** How the data are read, retrieved or erased beyond what the node offers. */
  readonly access?: string;
  /** There are trade secrets among them (Art. 3(3)(h)). */
  readonly tradeSecrets?: boolean;
  /** Who answers questions about them. */
  readonly contact?: string;
}

const numbers = ["messagesPerDay", "bytesPerDay", "retentionDays"] as const;
const texts = ["kind", "format", "access", "contact"] as const;
const textMax = 1_000;

export function dataSheetProblem(sheet: DataSheet): string | undefined {
  for (const name of texts) {
    const text = sheet[name];
    if (text !== undefined && (text.trim() === "" || text.length > textMax)) {
      return `sheet.${name} has ${text.length} characters, 1–${textMax} are taken`;
    }
  }
  // RFC 6838 §4.2: type "/" subtype
  if (sheet.format !== undefined && !/^[\w.+-]{1,127}\/[\w.+-]{1,127}(;.*)?$/.test(sheet.format)) {
    return `sheet.format "${sheet.format}" is not a media type such as application/json`;
  }
  for (const name of numbers) {
    const value = sheet[name];
    if (value !== undefined && !(Number.isFinite(value) && value >= 0)) {
      return `sheet.${name} ${value} is not a number ≥ 0`;
    }
  }
  return undefined;
}

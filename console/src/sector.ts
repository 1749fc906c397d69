/** The sectors the page has a colour and a sign for; anything else is "other". */
export type Sector = "transport" | "agriculture" | "energy" | "health" | "industry" | "other";

export const SECTORS: readonly Sector[] = [
  "transport",
  "agriculture",
  "energy",
  "health",
  "industry",
  "other",
];

/** A product's sector is free text; its beginning decides. */
export function sectorOf(text: string): Sector {
  const word = text.trim().toLowerCase();
  if (/^(transport|transit|mobility)/.test(word)) return "transport";
  if (/^(agri|farm)/.test(word)) return "agriculture";
  if (/^(energy|power|grid|electric)/.test(word)) return "energy";
  if (/^(health|medic|hospital)/.test(word)) return "health";
  if (/^(industr|manufact|factory)/.test(word)) return "industry";
  return "other";
}

/** Each sector's sign on a 16 × 16 grid: told apart without colour. */
export const SIGNS: Readonly<Record<Sector, string>> = {
  transport: "M2 4.5h8L14 8l-4 3.5H2z",
  agriculture: "M8 1.5c5 3.5 5.5 9 0 13c-5.5-4-5-9.5 0-13z",
  energy: "M9.5 1 3 9.2h4L6.2 15 13 6.6H9z",
  health: "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z",
  industry: "M8 1.5 13.8 4.75v6.5L8 14.5 2.2 11.25v-6.5z",
  other: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z",
};

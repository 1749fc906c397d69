/** A closed list: one, many. The first two are those of Regulation (EU) 2023/2854, Art. 9(4). */
const classes = {
  sme: ["a small or medium-sized enterprise", "small and medium-sized enterprises"],
  research: ["a not-for-profit research organisation", "not-for-profit research organisations"],
  public: ["a public sector body", "public sector bodies"],
} as const;

/** What a buyer may say that it is, to pay the price of its class. */
export type RecipientClass = keyof typeof classes;

export const recipientClasses = Object.keys(classes) as readonly RecipientClass[];

export function isRecipientClass(value: unknown): value is RecipientClass {
  return typeof value === "string" && Object.hasOwn(classes, value);
}

/** `a small or medium-sized enterprise`. */
export function oneOfClass(name: RecipientClass): string {
  return classes[name][0];
}

/** `small and medium-sized enterprises`. */
export function allOfClass(name: RecipientClass): string {
  return classes[name][1];
}

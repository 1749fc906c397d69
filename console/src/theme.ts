/** Light or dark: the system's, or what was chosen here. */
const CHOSEN = "comity-theme";
export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export function theme(): Theme {
  const chosen = localStorage.getItem(CHOSEN);
  return themes.find((one) => one === chosen) ?? "system";
}

export function chooseTheme(next: Theme): void {
  localStorage.setItem(CHOSEN, next);
  wearTheme();
}

/** Before anything is drawn. */
export function wearTheme(): void {
  const { dataset } = document.documentElement;
  const chosen = theme();
  if (chosen === "system") delete dataset["theme"];
  else dataset["theme"] = chosen;
}

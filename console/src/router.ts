import { signal } from "@preact/signals";

/** The console's pages by their addresses; the node serves each of them (`api/console.ts`). */
const PATHS = { world: "/", things: "/console/things" } as const;
export type PageName = keyof typeof PATHS;

export const page = signal<PageName>(pageAt(location.pathname));

/** Back and forward are the browser's own. */
export function startRouter(): void {
  addEventListener("popstate", () => (page.value = pageAt(location.pathname)));
}

export function hrefOf(name: PageName): string {
  return PATHS[name];
}

/** A plain click stays in the page; with a key held it is the browser's: a tab, a window. */
export function follow(event: MouseEvent, name: PageName): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  if (page.value === name) return;
  history.pushState(null, "", PATHS[name]);
  page.value = name;
}

function pageAt(path: string): PageName {
  return path === PATHS.things ? "things" : "world";
}

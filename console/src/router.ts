import { signal } from "@preact/signals";

/** The console's pages by their addresses; the node serves each of them (`api/console.ts`). */
const PATHS = {
  world: "/",
  things: "/console/things",
  agreements: "/console/agreements",
} as const;
export type PageName = keyof typeof PATHS;
export const PAGES = Object.keys(PATHS) as PageName[];

export const page = signal<PageName>(pageAt(location.pathname));
/** What of the page is looked at; absent: the page itself. */
export const looked = signal<string | undefined>(lookedAt(location.search));

/** Back and forward are the browser's own. */
export function startRouter(): void {
  addEventListener("popstate", () => {
    page.value = pageAt(location.pathname);
    looked.value = lookedAt(location.search);
  });
}

export function hrefOf(name: PageName, id?: string): string {
  return id === undefined ? PATHS[name] : `${PATHS[name]}?id=${encodeURIComponent(id)}`;
}

/** A plain click stays in the page; with a key held it is the browser's: a tab, a window. */
export function follow(event: MouseEvent, name: PageName, id?: string): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  if (page.value === name && looked.value === id) return;
  history.pushState(null, "", hrefOf(name, id));
  page.value = name;
  looked.value = id;
}

function pageAt(path: string): PageName {
  return PAGES.find((name) => PATHS[name] === path) ?? "world";
}

function lookedAt(search: string): string | undefined {
  return new URLSearchParams(search).get("id") ?? undefined;
}

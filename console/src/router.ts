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

/** Counts the addresses that were gone to: what a page keeps of its own begins anew with each. */
export const visit = signal(0);

/** Back and forward are the browser's own. */
export function startRouter(): void {
  addEventListener("popstate", () => {
    page.value = pageAt(location.pathname);
    looked.value = lookedAt(location.search);
    visit.value++;
  });
}

export function hrefOf(name: PageName, id?: string): string {
  return id === undefined ? PATHS[name] : `${PATHS[name]}?id=${encodeURIComponent(id)}`;
}

/** To a page, or to what the query says of it. */
export function go(
  name: PageName,
  query: { readonly id?: string; readonly q?: string } = {},
): void {
  const search = new URLSearchParams(query).toString();
  history.pushState(null, "", PATHS[name] + (search === "" ? "" : `?${search}`));
  page.value = name;
  looked.value = query.id;
  visit.value++;
}

/** A plain click stays in the page; with a key held it is the browser's: a tab, a window. */
export function follow(event: MouseEvent, name: PageName, id?: string): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  if (page.value === name && looked.value === id) return;
  go(name, id === undefined ? {} : { id });
}

function pageAt(path: string): PageName {
  return PAGES.find((name) => PATHS[name] === path) ?? "world";
}

function lookedAt(search: string): string | undefined {
  return new URLSearchParams(search).get("id") ?? undefined;
}

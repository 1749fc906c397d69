import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Room } from "./panels/room.tsx";
import { page, type PageName, visit } from "./router.ts";
import { roomStyle } from "./room-style.ts";
import { say } from "./words.ts";

/** Each page is a file of its own, with what it alone needs; those that are no map share a style. */
const FILES: Readonly<Record<PageName, () => Promise<ComponentType>>> = {
  world: async () => (await import("./world-page.tsx")).WorldPage,
  things: async () => {
    const [{ ThingsPage }] = await Promise.all([import("./panels/things.tsx"), roomStyle()]);
    return ThingsPage;
  },
  agreements: async () => {
    const [file] = await Promise.all([import("./panels/agreements-page.tsx"), roomStyle()]);
    return file.AgreementsPage;
  },
};

type Fetched = Partial<Record<PageName, ComponentType | "fetching" | "failed">>;
const fetched = signal<Fetched>({});

/** Begins to fetch it, unless that was done. */
export function fetchPage(name: PageName): void {
  if (fetched.value[name] !== undefined) return;
  const became = (what: Fetched[PageName]): void => {
    fetched.value = { ...fetched.value, [name]: what };
  };
  became("fetching");
  FILES[name]().then(became, () => became("failed"));
}

/** The page of the address; that it waits for its file, or cannot have it, is said. */
export function Pages() {
  const name = page.value;
  const Page = fetched.value[name];
  useEffect(() => fetchPage(name), [name]);
  document.title = name === "world" ? say("title") : `Comity · ${say(`page.${name}`)}`;
  if (Page === "failed") return <Failed />;
  return Page === undefined || Page === "fetching" ? null : <Page key={visit.value} />;
}

/** A browser asks for a file of the same name no second time: the whole page is loaded again. */
function Failed() {
  return (
    <Room>
      <p role="alert">{say("page-failed")}</p>
      <p class="acts">
        <button type="button" onClick={() => location.reload()}>
          {say("again")}
        </button>
      </p>
    </Room>
  );
}

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { roomStyle } from "./room-style.ts";

/** The palette while it is open; its file is fetched when it is opened first. */
const opened = signal<ComponentType<{ onClose: () => void }> | undefined>(undefined);

/** Ctrl-K, or Command-K. */
export function openPalette(event: KeyboardEvent): void {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  showPalette();
}

export function showPalette(): void {
  Promise.all([import("./panels/palette.tsx"), roomStyle()]).then(
    ([{ Palette }]) => (opened.value = Palette),
    () => {}, // the pages it leads to are in the bar as well
  );
}

export function PaletteDoor() {
  const Palette = opened.value;
  return Palette === undefined ? null : <Palette onClose={() => (opened.value = undefined)} />;
}

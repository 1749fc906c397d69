/** Of everything but the World, once. */
let style: Promise<void> | undefined;

export function roomStyle(): Promise<void> {
  style ??= new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = "/rooms.css";
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => reject(new Error("rooms.css cannot be had")));
    document.head.append(link);
  });
  return style;
}

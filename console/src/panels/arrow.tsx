import { say } from "../words.ts";

/** From one to the other, the way the reader reads. */
export function Arrow() {
  const isLeftward = document.documentElement.dir === "rtl";
  return (
    <span role="img" aria-label={say("to")}>
      {isLeftward ? "←" : "→"}
    </span>
  );
}

import type { LeftOver } from "../../flow/subscription.ts";
import type { Clock } from "../../kernel/clock.ts";
import { pieces } from "./backlog.ts";
import type { Shared } from "./inflight.ts";

/** As it is handed on: with what is left of its expiry, without what has expired [MQTT-3.3.2-6]. */
export function leftOver(all: readonly Shared[], clock: Clock): LeftOver[] {
  const now = clock.monotonic();
  const left: LeftOver[] = [];
  for (const { subscription, run, since } of all) {
    // Expiry is told in seconds: what is younger is as it was.
    const parts = now - since < 1000 ? [run] : pieces(run);
    for (const part of parts) {
      const current = part === run ? run : part.waited(now - since);
      if (current !== undefined) left.push({ subscription, run: current });
    }
  }
  return left;
}

import { useEffect, useState } from "preact/hooks";
import { ComityError } from "../../src/kernel/errors.ts";
import { isSettled } from "./session.ts";

/** What the node was asked for, as far as it is known. */
export type Asked<T> =
  | { readonly kind: "loading" | "signed-out" | "failed" }
  | { readonly kind: "here"; readonly told: T };

const EVERY_MS = 5000;
/** The longest answers are asked for less often. */
const LONG_EVERY_MS = 30_000;
const LONG = 2000;

/**
 * Asks the node now and every few seconds while the part of the page is there and seen. `again`
 * asks at once, for who has just changed something.
 */
export function useAsked<T>(read: () => Promise<T>): {
  readonly asked: Asked<T>;
  readonly again: () => void;
} {
  const [asked, tell] = useState<Asked<T>>({ kind: "loading" });
  const [round, setRound] = useState(0);
  const settled = isSettled.value;
  useEffect(() => {
    const stop = new AbortController();
    if (settled) void follow(read, tell, stop.signal);
    return () => stop.abort();
  }, [settled, round]);
  return { asked, again: () => setRound(round + 1) };
}

async function follow<T>(
  read: () => Promise<T>,
  tell: (next: Asked<T>) => void,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    const next = document.hidden ? undefined : await once(read);
    if (stop.aborted) return;
    if (next) tell(next);
    if (next?.kind === "signed-out") return;
    const isLong = next?.kind === "here" && Array.isArray(next.told) && next.told.length > LONG;
    await new Promise((resolve) => setTimeout(resolve, isLong ? LONG_EVERY_MS : EVERY_MS));
  }
}

async function once<T>(read: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { kind: "here", told: await read() };
  } catch (problem) {
    const isOut = problem instanceof ComityError && [401, 403].includes(problem.status);
    return { kind: isOut ? "signed-out" : "failed" };
  }
}

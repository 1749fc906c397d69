import type { ThingResource } from "../../src/client/thing-resource.ts";

export type Things =
  | { readonly kind: "loading" | "signed-out" | "failed" }
  | { readonly kind: "here"; readonly things: readonly ThingResource[] };

const EVERY_MS = 5000;

/** Tells this node's Things now and every five seconds until stopped; a hidden page asks nothing. */
export async function followThings(tell: (next: Things) => void, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const next = document.hidden ? undefined : await read(stop);
    if (stop.aborted) return;
    if (next) tell(next);
    if (next?.kind === "signed-out") return;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

async function read(signal: AbortSignal): Promise<Things> {
  try {
    const answer = await fetch("/api/v1/things", { signal, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) return { kind: "signed-out" };
    if (!answer.ok) return { kind: "failed" };
    return { kind: "here", things: (await answer.json()) as ThingResource[] };
  } catch {
    return { kind: "failed" };
  }
}

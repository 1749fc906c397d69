import { signal } from "@preact/signals";
import type { CallerResource } from "../../src/client/callers.ts";
import type { PendingResource } from "../../src/client/onboarding.ts";
import { chunksOf } from "./feed.ts";
import { serverEvents } from "./sse.ts";
import { say } from "./words.ts";

/** Devices that came with a claim code, for who signed in and may decide about them. */
export type Waiting = PendingResource;

export const waiting = signal<readonly Waiting[]>([]);
/** What became of the last decision, in words. */
export const decided = signal("");

const PAUSE_MS = 3000;
const DECIDED_SHOWN_MS = 15_000;
const MAY_DECIDE: readonly CallerResource["role"][] = ["operator", "trader", "owner"];

let fading: ReturnType<typeof setTimeout> | undefined;

/** Follows the devices that wait until stopped; who signed in without that right sees none. */
export function followPending({ role }: CallerResource, stop: AbortSignal): void {
  if (MAY_DECIDE.includes(role)) void run(stop).finally(() => (waiting.value = []));
}

export async function decide({ id, name }: Waiting, act: "accept" | "refuse"): Promise<void> {
  try {
    const response = await ask(`/api/v1/pending/${id}/${act}`, {
      method: "POST",
      ...(act === "accept" && { body: "{}" }),
    });
    if (response.ok) {
      waiting.value = waiting.value.filter((device) => device.id !== id);
      return tell(
        act === "accept" ? say("pending.accepted", { name }) : say("pending.refused", { name }),
      );
    }
    const { error } = (await response.json()) as { error?: { message: string } };
    tell(error?.message ?? say("pending.failed", { status: response.status }));
  } catch {
    tell(say("pending.silent", { name }));
  }
}

function tell(text: string): void {
  decided.value = text;
  clearTimeout(fading);
  fading = setTimeout(() => (decided.value = ""), DECIDED_SHOWN_MS);
}

async function run(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      const { body } = await ask("/api/v1/pending/live", { signal: stop });
      if (!body) return;
      for await (const { event, data } of serverEvents(chunksOf(body, () => {}))) {
        if (event === "pending") waiting.value = JSON.parse(data) as Waiting[];
      }
    } catch {
      // the line broke: it is taken up again below
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function ask(path: string, init: RequestInit): Promise<Response> {
  const headers = init.body === undefined ? {} : { "content-type": "application/json" };
  return fetch(path, { ...init, headers, cache: "no-store" });
}

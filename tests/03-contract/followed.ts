/** Followers of an agreement's stream, by an event stream and by a WebSocket. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import type { Key } from "./customer.ts";

export interface Frame {
  readonly id?: string;
  readonly topic: string;
  readonly at: number;
  readonly position?: number;
  readonly payload?: string;
  readonly payloadBase64?: string;
}

interface Told {
  readonly event: string;
  readonly id?: string;
  readonly from?: number;
  readonly to?: number;
  readonly messages?: number;
}

/** Frames of an event stream or a WebSocket as they come, and what ended it. */
export interface Followed {
  readonly frames: Frame[];
  readonly ids: string[];
  /** Events that are no messages. */
  readonly told: Told[];
  readonly ended: string[];
  readonly close: () => void;
}

function nothing() {
  const ended: string[] = [];
  return { frames: [] as Frame[], ids: [] as string[], told: [] as Told[], ended };
}

export async function events(t: TestContext, key: Key, lastEventId?: string): Promise<Followed> {
  const followed = nothing();
  const leaving = new AbortController();
  t.after(() => leaving.abort());
  const more = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const headers = { ...key.headers, ...more };
  const response = await fetch(key.endpoint, { headers, signal: leaving.signal });
  if (response.status !== 200) throw new Error(String(response.status));
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const read = async (): Promise<void> => {
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
        const data = JSON.parse(field("data") ?? "null") as (Frame & { why: string }) | null;
        if (data === null) continue; // a comment
        if (field("event") === "end") followed.ended.push(data.why);
        else if (field("event") !== undefined)
          followed.told.push({ event: field("event")!, ...data });
        else followed.frames.push(data);
        if (field("event") === undefined) followed.ids.push(field("id") ?? "");
      }
    }
  };
  void read().catch(() => undefined); // left
  return { ...followed, close: () => leaving.abort() };
}

export async function frames(t: TestContext, key: Key, query = ""): Promise<Followed> {
  const followed = nothing();
  const socket = new WebSocket(`${key.endpoint}${query}`, { headers: key.headers });
  t.after(() => socket.terminate());
  socket.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame & Told;
    if (frame.event === undefined) followed.frames.push(frame);
    else followed.told.push(frame);
  });
  socket.on("close", (code, reason) => followed.ended.push(`${code} ${reason.toString()}`));
  await new Promise<void>((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("unexpected-response", (_, { statusCode }) => reject(new Error(String(statusCode))));
    socket.on("error", reject);
  });
  return { ...followed, close: () => socket.close() };
}

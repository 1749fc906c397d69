import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { systemClock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { Outbox, type Outgoing } from "./outbox.ts";

let dir = "";
let store: Store;
let sent: string[] = [];
let fail: (url: string) => ComityError | undefined;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "comity-outbox-"));
  store = await openEmbeddedStore({ path: join(dir, "comity.db") });
});

after(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

beforeEach(() => {
  sent = [];
  fail = () => undefined;
});

function openOutbox(keepMs?: number): Outbox {
  return new Outbox({
    store,
    clock: systemClock,
    backOffMs: { first: 1, most: 5 },
    ...(keepMs === undefined ? {} : { keepMs }),
    async send(_did, url) {
      const error = fail(url);
      if (error) throw error;
      sent.push(url);
      return { ok: url };
    },
  });
}

async function put(outbox: Outbox, url: string, subject = "s"): Promise<void> {
  const letter = outbox.prepare({ did: "did:web:x", url, body: {}, kind: "k", subject });
  await store.commit([letter.write]);
  letter.send();
}

async function emptied(): Promise<void> {
  const end = performance.now() + 3_000;
  while ((await store.list("outbox")).length > 0) {
    assert.ok(performance.now() < end, "the outbox did not empty");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const away = () => new ComityError("PEER_UNREACHABLE", { peer: "x", problem: "away" });

test("outbox - tries until the peer is there, in order within one subject", async () => {
  const outbox = openOutbox();
  let tries = 0;
  fail = (url) => (url === "/1" && (++tries < 4 || !sent.includes("/other")) ? away() : undefined);
  await put(outbox, "/1");
  await put(outbox, "/2");
  await put(outbox, "/other", "t");
  await emptied();
  assert.deepEqual(sent, ["/other", "/1", "/2"]);
  await outbox.close();
});

test("outbox - what was not sent before a stop is sent after the next start", async () => {
  fail = () => away();
  const first = openOutbox();
  await put(first, "/1");
  await put(first, "/2");
  await first.close();
  fail = () => undefined;
  const second = openOutbox();
  await second.resume();
  await emptied();
  assert.deepEqual(sent, ["/1", "/2"]);
  await second.close();
});

test("outbox - a refusal is final and told once", async () => {
  const outbox = openOutbox();
  const refused: string[] = [];
  outbox.handle("k", { refused: (message: Outgoing) => void refused.push(message.url) });
  fail = () => new ComityError("PEER_REFUSED", { peer: "x", problem: "no" });
  await put(outbox, "/1");
  await emptied();
  assert.deepEqual(refused, ["/1"]);
  await outbox.close();
});

test("outbox - an answer that nobody here could make sense of is a refusal", async () => {
  const outbox = openOutbox();
  const told: string[] = [];
  outbox.handle("k", {
    delivered() {
      throw new TypeError("null has no state");
    },
    refused: (_message, { code, message }) => void told.push(`${code} ${message}`),
  });
  await put(outbox, "/1");
  await emptied();
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /^PEER_REFUSED .*null has no state/);
  await outbox.close();
});

test("outbox - patience ends, and a message nobody wants is dropped", async () => {
  const outbox = openOutbox(20);
  const refused: string[] = [];
  outbox.handle("k", {
    wanted: ({ url }) => url !== "/unwanted",
    refused: (message: Outgoing) => void refused.push(message.url),
  });
  fail = () => away();
  await put(outbox, "/unwanted");
  await put(outbox, "/1");
  await emptied();
  assert.deepEqual([refused, sent], [["/1"], []]);
  await outbox.close();
});

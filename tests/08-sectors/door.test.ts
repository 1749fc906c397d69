import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { createHttpServer } from "../../src/api/server.ts";
import { openSectorDoors } from "../../src/compose/sector-door.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { Flow } from "../../src/flow/flow.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { Closing } from "../../src/kernel/closing.ts";
import { neverCrash } from "../../src/kernel/crash.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { Journal } from "../../src/kernel/journal.ts";
import { Meter } from "../../src/meter/usage.ts";
import type { Sector } from "../../src/sectors/sector.ts";
import { AppKeys } from "../../src/things/app-keys.ts";
import { Things } from "../../src/things/directory.ts";
import { SlowDown } from "../../src/things/slow-down.ts";
import { Users } from "../../src/things/users.ts";

/** A sector of one WebSocket: a Thing names itself in the path, and what it says is published. */
const oneSocket: Sector = {
  name: "one-socket",
  title: "One socket",
  vocabulary: { version: "1", messages: {} },
  template: { product: {}, terms: {} },
  ...{ sources: {}, outputs: {}, indicators: {} },
  async open(door) {
    const sockets = new WebSocketServer({ noServer: true });
    await door.routes((scope) =>
      scope.get("/count", async () => (await door.documents.list()).length),
    );
    door.onUpgrade((request, socket, head) => {
      const [, name = "", password = ""] = /\/([^/]+)\/([^/]+)$/.exec(request.url ?? "") ?? [];
      const as = door.authenticate(name, password);
      if (as === undefined) return void socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
      sockets.handleUpgrade(request, socket, head, (line) => {
        line.on("message", (said: Buffer) => {
          door
            .publish({ topic: `${name}/said`, payload: said, as })
            .then(() => door.documents.put(name, { said: said.length }))
            .then(() => line.send("done"))
            .catch((error: unknown) => line.close(1011, String(error)));
        });
      });
    });
    door.tell("sector", "One socket is open");
    return () => sockets.close();
  },
};

test("sectors - a sector's own door: upgrades and routes below its name, Things authenticated", async () => {
  const folder = await mkdtemp(join(tmpdir(), "comity-door-"));
  const store = await openEmbeddedStore({ path: join(folder, "store.db") });
  const outside = { store, clock: systemClock, entropy: systemEntropy, crash: neverCrash };
  const usage = await Meter.open(outside);
  const flow = await Flow.open({ ...outside, usage, secret: new Uint8Array(32) });
  const closing = new Closing((name, error) => assert.fail(`${name}: ${String(error)}`));
  const { users } = await Users.open({ ...outside, keepAdminToken: async () => {} });
  const things = await Things.open(outside);
  const keys = await AppKeys.open(outside);
  const { token } = await things.create({ name: "charger" });
  const app = createHttpServer();
  const journal = new Journal();
  await openSectorDoors(
    {
      ...outside,
      app,
      closing,
      flow,
      journal,
      keys,
      slow: new SlowDown(systemClock),
      things,
      users,
    },
    [oneSocket],
    new Map(),
  );
  const base = await app.listen({ host: "127.0.0.1", port: 0 });
  try {
    const seen = Promise.withResolvers<string>();
    flow.router.subscribe({
      filter: "charger/#",
      qos: 0,
      receiver: {
        receive: (run) => seen.resolve(`${run.publisher} ${run.lastPayload().toString()}`),
      },
    });
    const line = new WebSocket(`${base}/sectors/one-socket/charger/${token}`);
    await once(line, "open");
    const done = once(line, "message");
    line.send("hello");
    assert.equal(await seen.promise, "thing charger hello");
    await done;
    assert.deepEqual(things.seen.of("charger")?.summary, "hello", "as at any other door");
    assert.equal(await (await fetch(`${base}/sectors/one-socket/count`)).text(), "1");
    line.close();
    for (const path of ["/sectors/one-socket/charger/wrong", "/sectors/other/x", "/elsewhere"]) {
      const refused = new WebSocket(`${base}${path}`);
      await once(refused, "error");
      assert.equal(refused.readyState, WebSocket.CLOSED, path);
    }
    assert.equal(journal.latest()[0]?.text, "One socket is open");
  } finally {
    await app.close();
    await closing.close();
    await flow.close();
    await usage.close();
    await store.close();
    await rm(folder, { recursive: true });
  }
});

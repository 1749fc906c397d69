/**
 * The node's data plane as the firehose meets it: every subscriber stands under an agreement of
 * its own, its gate asked for every packet, its usage counted by the meter and written to the
 * store. To show what that costs `unmetered` counts nothing and `open` has no agreements; `view`
 * sells two members of JSON readings, `logged` keeps every message in a log first.
 */
import { join } from "node:path";
import type { Authentication } from "../src/connect/mqtt/connect.ts";
import { mqttLimits } from "../src/connect/mqtt/limits.ts";
import { MqttServer } from "../src/connect/mqtt/server.ts";
import { openEmbeddedStore } from "../src/engines/embedded/store.ts";
import { Flow } from "../src/flow/flow.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { neverCrash } from "../src/kernel/crash.ts";
import { systemEntropy } from "../src/kernel/id.ts";
import type { Grant } from "../src/market/grant.ts";
import { Meter } from "../src/meter/usage.ts";
import { uncounted } from "./uncounted.ts";

const [port = "0", folder = ".", mode = "open"] = process.argv.slice(2);
const store = await openEmbeddedStore({ path: join(folder, "node.db") });
const meter = await Meter.open({ store, clock: systemClock });
const flow = await Flow.open({
  store,
  clock: systemClock,
  entropy: systemEntropy,
  usage: mode === "unmetered" ? uncounted : meter,
  crash: neverCrash,
  secret: systemEntropy.bytes(32),
});
if (mode === "logged") {
  await flow.serve({ id: "bench", topics: ["bench/#"], delivery: "logged" });
}
/** As many as the widest fan-out has subscribers. */
const consumers = 1000;
for (let i = 0; i < consumers; i++) {
  const grant: Grant = {
    agreement: `agreement-${i}`,
    consumer: `did:web:consumer-${i}.example`,
    product: "bench",
    filters: ["bench/#"],
    billed: false,
    notAfter: Date.now() + 3_600_000,
    ...(mode === "view" ? { shape: { allow: ["temperature", "at"] } } : {}),
  };
  await flow.open(grant);
}
const server = new MqttServer({
  flow,
  limits: mqttLimits,
  onSeen: () => {},
  authenticate: ({ username }): Authentication =>
    mode !== "open" && username?.startsWith("agreement-") === true
      ? { ok: true, principal: { kind: "participant", did: "did:web:x", agreement: username } }
      : { ok: true, principal: { kind: "anonymous" } },
});
await server.listen({ transport: "tcp", host: "127.0.0.1", port: Number(port) });

import assert from "node:assert/strict";
import { test } from "node:test";
import { message } from "../../src/wire/dsp/messages.ts";
import { leaveSeat, openSide, takeSeat } from "../03-contract/side.ts";
import { openStranger } from "../03-contract/stranger.ts";
import { agreement } from "./scripted-provider.ts";

const honest = { endpoint: "mqtt://127.0.0.1:1883", token: "token" };

test("transfer - an address or token no stream can have ends it, and who waits hears why", async (t) => {
  const [own, theirs] = [await takeSeat("consumer"), await takeSeat("provider")];
  const consumer = await openSide(own, [own, theirs]);
  let offered = honest;
  const statuses: number[] = [];
  const provider = await openStranger(theirs, async (path, body) => {
    if (!path.endsWith("/transfers/request")) return undefined;
    const consumerPid = String(body["consumerPid"]);
    const start = message("TransferStartMessage", {
      providerPid: "urn:uuid:theirs",
      consumerPid,
      dataAddress: {
        "@type": "DataAddress",
        endpointType: "https://w3id.org/comity/mqtt5",
        endpoint: offered.endpoint,
        endpointProperties: [
          { "@type": "EndpointProperty", name: "authorization", value: offered.token },
        ],
      },
    });
    const to = `/dsp/2025-1/transfers/${encodeURIComponent(consumerPid)}/start`;
    setTimeout(async () => statuses.push((await provider.call(consumer, to, start)).status), 5);
    const state = { providerPid: "urn:uuid:theirs", consumerPid, state: "REQUESTED" };
    return { status: 201, body: message("TransferProcess", state) };
  });
  t.after(async () => {
    await provider.stop();
    await consumer.stop();
    await Promise.all([own, theirs].map(leaveSeat));
  });
  const bought = { ...agreement, provider: theirs.did, consumer: own.did, signedAt: "2026" };
  await consumer.agreements.add(bought);
  const { transfers } = consumer.federation;

  offered = { ...honest, endpoint: "mqtts://127.0.0.1:8883" };
  await assert.rejects(transfers.start(bought.id), /mqtts: is not offered yet/);
  offered = { ...honest, endpoint: "mqtt://169.254.169.254:80" };
  await assert.rejects(transfers.start(bought.id), { code: "ADDRESS_FORBIDDEN" });
  offered = { ...honest, token: "x\r\nFLUSHALL\r\n" };
  await assert.rejects(transfers.start(bought.id), /authorization has other characters/);
  offered = honest;
  const { endpoint, token } = await transfers.start(bought.id);
  assert.deepEqual({ endpoint, token }, honest);
  assert.deepEqual(statuses.slice(0, 3), [400, 400, 400]);
});

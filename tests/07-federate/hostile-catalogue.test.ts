/** A peer whose catalogue is made to exhaust whoever reads it, against a whole node. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { didDocumentOf } from "../../src/federate/identity.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { message } from "../../src/wire/dsp/messages.ts";
import { leaveSeat, takeSeat } from "../03-contract/side.ts";
import { nodeOptions, startTestNode, until } from "../two-nodes.ts";

const use = [{ action: "use" }];

/** A node that knows one peer, which answers the n-th question for its catalogue so. */
async function readerOf(
  t: TestContext,
  answer: (page: number) => { datasets: readonly object[]; link?: string },
) {
  const seats = [await takeSeat("reader"), await takeSeat("rude")] as const;
  const [own, rude] = seats;
  const signer = await openEmbeddedSigner({ dir: rude.dir, did: rude.did, clock: systemClock });
  const profile = { name: "rude", title: "Rude", country: "DE", currency: "EUR" };
  let asked = 0;
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.url === "/.well-known/did.json") {
      response.end(JSON.stringify(didDocumentOf(signer, profile, rude.url)));
      return;
    }
    request.resume();
    request.on("end", () => {
      const { datasets, link } = answer(asked++);
      if (link !== undefined) response.setHeader("link", link);
      response.end(JSON.stringify(message("Catalog", { dataset: datasets })));
    });
  });
  await new Promise<void>((resolve) => server.listen(rude.port, "127.0.0.1", resolve));
  const reader = await startTestNode(
    await nodeOptions(own.dir, {
      ...{ name: "reader", title: "Reader", did: own.did, localPeers: seats },
      http: { host: "127.0.0.1", port: own.port },
    }),
  );
  t.after(async () => {
    await reader.node.close();
    server.closeAllConnections();
    server.close();
    await Promise.all(seats.map(leaveSeat));
  });
  await reader.http.addPeer(rude.url);
  const offers = async (): Promise<number> => {
    const [peer] = await reader.http.peers();
    assert.equal(peer?.problem, undefined);
    return peer?.offers ?? 0;
  };
  return { offers, asked: () => asked };
}

function dataset(id: string, hasPolicy: readonly object[], more: object = {}): object {
  return { "@id": id, "@type": "Dataset", hasPolicy, ...more };
}

test("hostile catalogue - pages without end are read as far as 64 MiB, and what they hold is found", async (t) => {
  const padding = "x".repeat(7_500_000);
  const { offers, asked } = await readerOf(t, (page) => ({
    datasets: [dataset(`p${page}`, [{ "@id": `p${page}:1`, permission: use }], { padding })],
    link: `<?cursor=${page + 1}>; rel="next"`,
  }));
  await until("it is read", async () => (await offers()) > 0, 30_000);
  assert.deepEqual([await offers(), asked()], [9, 9]);
});

test("hostile catalogue - ten thousand offers are read, in however few datasets they stand", async (t) => {
  const many = Array.from({ length: 10_500 }, (_, i) => ({ "@id": `p:${i}`, permission: use }));
  const { offers } = await readerOf(t, () => ({ datasets: [dataset("p", many)] }));
  await until("it is read", async () => (await offers()) > 0, 30_000);
  assert.equal(await offers(), 10_000);
});

test("hostile catalogue - policies that take long to read do not hold up the node", async (t) => {
  // every edge shares its longitudes with every other: checking takes the square of the points
  const teeth = Array.from({ length: 998 }, (_, i) => [i % 2, i / 100 - 4]);
  const coordinates = [[...teeth, [3, -6], teeth[0]]];
  const rightOperand = JSON.stringify({ type: "Polygon", coordinates });
  const constraint = [{ leftOperand: "spatial", operator: "isPartOf", rightOperand }];
  const many = Array.from({ length: 150 }, (_, i) => {
    return { "@id": `p:${i}`, permission: [{ action: "use", constraint }] };
  });
  const { offers } = await readerOf(t, () => ({ datasets: [dataset("p", many)] }));
  let longestMs = 0;
  let last = performance.now();
  const pulse = setInterval(() => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  }, 5);
  await until("it is read", async () => (await offers()) === 150, 30_000);
  clearInterval(pulse);
  assert.ok(longestMs < 700, `the node stood still for ${Math.round(longestMs)} ms`);
});

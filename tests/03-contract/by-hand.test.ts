import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import type { NegotiationResource } from "../../src/client/negotiations.ts";
import { rulesOf } from "../../src/market/policy.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

let nodes: TwoNodes;
let folder: string;
let offer: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-by-hand-"));
  nodes = await twoNodes();
  const sold = ["product", "add", "tides", "--title", "Tides", "--topic", "tides/#"];
  const added = await comity("provider", ...sold, "--price", "free", "--manual");
  assert.equal(added.code, 0, added.err);
  const found = await nodes.consumer.http.find("tides");
  offer = found[0]?.offer ?? "";
});

after(async () => {
  await nodes.close();
  await rm(folder, { recursive: true });
});

async function comity(side: "provider" | "consumer", ...args: string[]) {
  const { node, token } = nodes[side];
  const texts = { out: "", err: "" };
  const code = await runCli(["--url", node.httpUrl, "--token", token, ...args], {
    stdout: { write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text) },
    env: {},
    signal: new AbortController().signal,
  });
  return { code, ...texts };
}

async function list(side: "provider" | "consumer"): Promise<NegotiationResource[]> {
  const { code, out, err } = await comity(side, "--json", "negotiation", "list");
  assert.equal(code, 0, err);
  return JSON.parse(out) as NegotiationResource[];
}

async function newest(side: "provider" | "consumer"): Promise<NegotiationResource> {
  const [first] = await list(side);
  assert.ok(first);
  return first;
}

async function reach(side: "provider" | "consumer", state: string): Promise<void> {
  await until(`the ${side} is ${state}`, async () => (await list(side))[0]?.state === state);
}

test("by hand - a request for such a product waits for a person, and says so", async () => {
  const { code, err } = await comity(
    "consumer",
    "agree",
    offer,
    "--provider",
    nodes.provider.node.did,
  );
  assert.notEqual(code, 0);
  assert.match(err, /goes on later: a person there decides/);
  assert.match(err, /comity negotiation show/);
  await reach("provider", "REQUESTED");
  assert.equal((await nodes.provider.http.agreements()).length, 0);
});

test("by hand - the person agrees, and both hold the agreement", async () => {
  const { pid } = await newest("provider");
  const agreed = await comity("provider", "negotiation", "agree", pid);
  assert.match(agreed.out, /about tides: AGREED/);
  await reach("consumer", "FINALIZED");
  const [bought] = await nodes.consumer.http.agreements();
  assert.equal(bought?.product, "tides");
});

test("by hand - terms are offered and accepted with the command", async () => {
  const { did } = nodes.provider.node;
  const asked = await comity("consumer", "negotiation", "ask", offer, "--provider", did);
  assert.match(asked.out, /REQUESTED/);
  await reach("provider", "REQUESTED");
  const price = { amount: "0", currency: "EUR", perMessages: 1 };
  const file = join(folder, "offer.json");
  const terms = { "@id": "tides:ten", ...rulesOf({ price, messagesMax: 10 }) };
  await writeFile(file, JSON.stringify(terms));
  const { pid } = await newest("provider");
  const offered = await comity("provider", "negotiation", "offer", pid, "--file", file);
  assert.match(offered.out, /OFFERED/, offered.err);
  await reach("consumer", "OFFERED");
  const mine = await newest("consumer");
  const shown = await comity("consumer", "negotiation", "show", mine.pid);
  assert.match(shown.out, /tides:ten/);
  assert.match(shown.out, /"10"/);
  await comity("consumer", "negotiation", "accept", mine.pid);
  // an accepted offer is the provider's own word: it needs no second approval
  await reach("provider", "FINALIZED");
});

test("by hand - a move that is not possible is refused, a walk-away is told", async () => {
  const { did } = nodes.provider.node;
  await comity("consumer", "negotiation", "ask", offer, "--provider", did);
  await reach("provider", "REQUESTED");
  const { pid } = await newest("consumer");
  const wrong = await comity("consumer", "negotiation", "accept", pid);
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.err, /REQUESTED; accept is not possible/);
  await comity("consumer", "negotiation", "terminate", pid, "--reason", "too late");
  await reach("provider", "TERMINATED");
  assert.equal((await newest("provider")).problem, "too late");
});

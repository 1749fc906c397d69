/**
 * `npm run interop:edc`: a Comity node and an Eclipse EDC connector trade in both directions. EDC
 * is the real one, in memory, with its own test identity (`edc-runtime.ts`); what it is asked for
 * goes through its management API. Where Java, Maven or EDC cannot be had, the tests are skipped
 * and say why.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dspPath } from "../../src/wire/dsp/messages.ts";
import { freePort } from "../free-port.ts";
import { startTestNode, type TestNode, until } from "../two-nodes.ts";
import { type Edc, findEdc, startEdc } from "./edc-runtime.ts";

type Body = Record<string, unknown>;

/** What EDC posts when something happened to a transfer. */
interface Told {
  readonly payload: {
    readonly transferProcessId: string;
    readonly dataAddress: { readonly properties: Readonly<Record<string, string>> };
  };
}

const folder = await mkdtemp(join(tmpdir(), "comity-edc-"));
const found = await findEdc(folder);
const skip = "missing" in found ? found.missing : false;

const context = { "@vocab": "https://w3id.org/edc/v0.0.1/ns/" };
const odrl = "http://www.w3.org/ns/odrl.jsonld";
const protocol = "dataspace-protocol-http:2025-1";
const format = "HttpData-PULL";
const tides = { station: "Hoek van Holland", waterLevelCm: 112 };

let edc: Edc;
let comity: TestNode;
/** EDC's events, told to this address, and the source of its asset. */
let source: Server;
const told: Told[] = [];

before(async () => {
  if ("missing" in found) return;
  source = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    request.on("end", () => {
      if (request.method === "POST") told.push(JSON.parse(text) as Told);
      response.setHeader("content-type", "application/json");
      response.end(request.method === "POST" ? "" : JSON.stringify(tides));
    });
  });
  await new Promise<void>((resolve) => source.listen(0, "127.0.0.1", resolve));
  edc = await startEdc(found.classpath, folder);
  const port = await freePort();
  comity = await startTestNode({
    name: "harbour",
    title: "The harbour",
    country: "NL",
    currency: "EUR",
    place: { lat: 51.98, lon: 4.12 },
    did: `did:web:localhost%3A${port}`,
    data: join(folder, "node"),
    http: { host: "127.0.0.1", port },
    mqtt: { host: "127.0.0.1", port: 0 },
    localPeers: [{ did: edc.participant, url: edc.protocolUrl, identity: "mock" }],
    dev: false,
    publicWorld: false,
    receiptWindowMs: 1_000,
    httpFetchEveryMs: 1_000,
    logLevel: "error",
  });
});

after(async () => {
  await comity?.node.close();
  await edc?.stop();
  source?.close();
  await rm(folder, { recursive: true, force: true });
});

const sourceUrl = (): string => `http://localhost:${(source.address() as AddressInfo).port}`;

/** Polls EDC until a process is in a state; it works on each step by itself, in its own time. */
async function edcReaches(path: string, state: string): Promise<Body> {
  let now: Body = {};
  const isThere = async () => {
    now = await edc.manage(path);
    assert.notEqual(now["state"], "TERMINATED", `${String(now["errorDetail"])}\n${edc.log()}`);
    return now["state"] === state;
  };
  await until(`EDC's ${path} is ${state}`, isThere, 30_000).catch(async (error: unknown) => {
    const theirs = await comity.http.negotiations.list();
    const seen = JSON.stringify({ edc: now, comity: theirs }, null, 1);
    throw new Error(`${seen}\n${edc.log().slice(-6_000)}`, { cause: error });
  });
  return now;
}

test(
  "EDC buys - catalogue, negotiation, transfer; its token opens the latest value",
  { skip },
  async () => {
    const { http, node } = comity;
    const product = { id: "levels", title: "Water levels", topics: ["levels/#"] };
    const price = { amount: "0", currency: "EUR", perMessages: 1 };
    await http.addProduct({ ...product, terms: { price } });
    await http.publish("levels/hook", JSON.stringify(tides), { retain: true });

    const counterPartyAddress = `${node.httpUrl}${dspPath}`;
    const counterParty = { counterPartyAddress, counterPartyId: node.did, protocol };
    const catalog = await edc.manage("/v3/catalog/request", {
      "@context": context,
      ...counterParty,
    });
    const [dataset] = catalog["dataset"] as Body[];
    assert.equal(dataset?.["@id"], product.id);
    const [offer] = dataset["hasPolicy"] as Body[];

    const asked = await edc.manage("/v3/contractnegotiations", {
      "@context": context,
      "@type": "ContractRequest",
      ...counterParty,
      policy: { "@context": odrl, ...offer, assigner: node.did, target: product.id },
    });
    const negotiation = `/v3/contractnegotiations/${String(asked["@id"])}`;
    const { contractAgreementId: agreement } = await edcReaches(negotiation, "FINALIZED");

    const transfer = await edc.manage("/v3/transferprocesses", {
      "@context": context,
      "@type": "TransferRequest",
      ...counterParty,
      contractId: agreement,
      transferType: format,
      callbackAddresses: [
        { uri: sourceUrl(), events: ["transfer.process.started"], transactional: false },
      ],
    });
    const id = String(transfer["@id"]);
    await edcReaches(`/v3/transferprocesses/${id}`, "STARTED");
    const start = () => told.find(({ payload }) => payload.transferProcessId === id)?.payload;
    await until("EDC tells of its start", () => start() !== undefined);
    const address = start()?.dataAddress.properties ?? {};
    // as EDC's own clients look: by the namespaced name, else the plain one
    const property = (name: string) =>
      address[`${context["@vocab"]}${name}`] ?? address[name] ?? "";

    const headers = { authorization: property("authorization") };
    const fetched = await fetch(property("endpoint"), { headers });
    assert.equal(fetched.status, 200);
    const [latest] = (await fetched.json()) as { topic: string; payload: string }[];
    assert.equal(latest?.topic, "levels/hook");
    assert.deepEqual(JSON.parse(latest.payload), tides);
    assert.equal((await fetch(property("endpoint"))).status, 401);
  },
);

test(
  "EDC sells - found, agreed to, and what its token opens arrives here as a stream",
  { skip },
  async () => {
    const asset = {
      "@id": "tides",
      properties: {},
      dataAddress: { type: "HttpData", baseUrl: sourceUrl() },
    };
    await edc.manage("/v3/assets", { "@context": context, ...asset });
    const policy = { "@context": odrl, "@type": "Set", permission: [{ action: "use" }] };
    await edc.manage("/v3/policydefinitions", { "@context": context, "@id": "open", policy });
    const policies = { accessPolicyId: "open", contractPolicyId: "open" };
    const everything = { "@id": "all", ...policies, assetsSelector: [] };
    await edc.manage("/v3/contractdefinitions", { "@context": context, ...everything });

    const { http } = comity;
    const peer = await http.addPeer(edc.protocolUrl);
    assert.equal(peer.did, edc.participant);
    const find = async () => (await http.find("tides")).find((one) => one.provider === peer.did);
    await until("its offer is found", async () => (await find()) !== undefined);
    const offer = await find();
    // as EDC writes ids, and takes them back
    assert.match(offer?.offer ?? "", /^[^:]+:[^:]+:[^:]+$/);

    const arriving = new AbortController();
    const messages = http.stream(`from/${peer.name}/#`, arriving.signal);
    const arrives = messages.next();
    const agreement = await http.agree(offer?.offer ?? "", peer.did);
    assert.equal(agreement.state, "active");
    const { value } = await arrives;
    arriving.abort();
    assert.ok(value);
    assert.match(value.topic, new RegExp(`^from/${peer.name}/tides/`));
    assert.deepEqual(JSON.parse(value.payload ?? ""), tides);
    const transfers = (await http.transfers.list()).filter((one) => one.agreement === agreement.id);
    assert.deepEqual(
      transfers.map((one) => [one.role, one.format, one.state]),
      [["consumer", format, "STARTED"]],
    );
  },
);

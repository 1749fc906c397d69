import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  ContractAgreementMessage,
  ContractNegotiationEventMessage,
  ContractOfferMessage,
  ContractRequestMessage,
  message,
  TransferRequestMessage,
  TransferStartMessage,
} from "../../src/wire/dsp/messages.ts";
import { parseMessage } from "../../src/wire/dsp/parse.ts";
import { assertFits, readSchemaFile, schemasMissing as skip } from "./dsp-schemas.ts";
import {
  freeProduct,
  leaveSeat,
  openSide,
  paidProduct,
  type Seat,
  type Side,
  takeSeat,
} from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const base = "/dsp/2025-1";

let seats: Seat[] = [];
let side: Side;
let plain: Stranger;

before(async () => {
  seats = [await takeSeat("seller"), await takeSeat("plain")];
  const [a, b] = seats as [Seat, Seat];
  side = await openSide(a, seats);
  plain = await openStranger(b, async (path, body) => {
    if (path.includes("/catalog/datasets/")) {
      const own = side.catalogue.offerOf("bus-positions");
      const { title, delivery, topics } = paidProduct;
      const comity = { title, delivery, topics };
      const dataset = { "@id": "bus-positions", hasPolicy: [own], comity };
      return { status: 200, body: message("Dataset", dataset) };
    }
    if (!path.endsWith("/negotiations/request")) return undefined;
    const { consumerPid } = body;
    const state = { providerPid: "urn:uuid:theirs", consumerPid, state: "REQUESTED" };
    return { status: 201, body: message("ContractNegotiation", state) };
  });
  await side.catalogue.add(paidProduct);
  await side.catalogue.add(freeProduct);
});

after(async () => {
  await plain.stop();
  await side.stop();
  await Promise.all(seats.map(leaveSeat));
});

test(
  "DSP - every answer and message of the provider fits the protocol's schemas",
  { skip },
  async () => {
    const post = (path: string, body: unknown) => plain.call(side, `${base}${path}`, body);
    const catalog = await post("/catalog/request", message("CatalogRequestMessage", {}));
    assertFits("catalog/catalog", catalog.body);
    const dataset = await plain.call(side, `${base}/catalog/datasets/weather`);
    assertFits("catalog/dataset", dataset.body);
    const missing = await plain.call(side, `${base}/catalog/datasets/none`);
    assert.equal(missing.status, 404);
    assertFits("catalog/catalog-error", missing.body);

    const consumerPid = "urn:uuid:plain-1";
    const offer = { ...side.catalogue.offerOf("weather"), target: "weather" };
    const { callbackAddress } = plain;
    const request = message("ContractRequestMessage", { consumerPid, offer, callbackAddress });
    assertFits("negotiation/contract-request-message", request);
    const answer = await post("/negotiations/request", request);
    assertFits("negotiation/contract-negotiation", answer.body);
    const agreement = await plain.heard("plain-1/agreement");
    assertFits("negotiation/contract-agreement-message", agreement);
    const providerPid = String(answer.body["providerPid"]);
    const verified = message("ContractAgreementVerificationMessage", { providerPid, consumerPid });
    await post(`/negotiations/${encodeURIComponent(providerPid)}/agreement/verification`, verified);
    assertFits(
      "negotiation/contract-negotiation-event-message",
      await plain.heard("plain-1/events"),
    );
    const wrong = await post("/negotiations/request", { ...request, offer: {} });
    assertFits("negotiation/contract-negotiation-error", wrong.body);

    const agreementId = (agreement["agreement"] as { "@id": string })["@id"];
    const transfer = message("TransferRequestMessage", {
      consumerPid: "urn:uuid:plain-2",
      agreementId,
      format: "Mqtt5-PULL",
      callbackAddress,
    });
    assertFits("transfer/transfer-request-message", transfer);
    assertFits("transfer/transfer-process", (await post("/transfers/request", transfer)).body);
    assertFits("transfer/transfer-start-message", await plain.heard("plain-2/start"));
    await side.federation.transfers.suspend(agreementId, "a test");
    assertFits("transfer/transfer-suspension-message", await plain.heard("plain-2/suspension"));
    await side.federation.endings.end(agreementId, "revoked");
    assertFits("transfer/transfer-termination-message", await plain.heard("plain-2/termination"));
    const unknown = await post("/transfers/request", {
      ...transfer,
      consumerPid: "urn:uuid:plain-3",
    });
    assertFits("transfer/transfer-error", unknown.body);
  },
);

test("DSP - the consumer's request fits, signatures and all", { skip }, async () => {
  const offer = side.catalogue.offerOf("bus-positions")?.["@id"] ?? "";
  const asked = side.federation.negotiations.negotiate(plain.did, offer);
  asked.catch(() => undefined);
  const request = await plain.heard("/negotiations/request");
  assertFits("negotiation/contract-request-message", request);
  const consumerPid = String(request["consumerPid"]);
  const path = `${base}/negotiations/${encodeURIComponent(consumerPid)}/termination`;
  const end = { providerPid: "urn:uuid:theirs", consumerPid, reason: ["not today"] };
  const body = message("ContractNegotiationTerminationMessage", end);
  assert.equal((await plain.call(side, path, body)).status, 200);
  await assert.rejects(asked, /not today/);
});

test("DSP - identity and versions fit the protocol's schemas", { skip }, async () => {
  const version = await (await fetch(`${side.url}/.well-known/dspace-version`)).json();
  assertFits("common/protocol-version", version);
  const did = await (await fetch(`${side.url}/.well-known/did.json`)).json();
  const { service } = did as { service: { type: string }[] };
  assertFits(
    "common/did-service",
    service.find(({ type }) => type === "CatalogService"),
  );
});

test("DSP - the protocol's own examples are understood", { skip }, () => {
  const read = (file: string) => readSchemaFile(...file.split("/")) as object;
  for (const [schema, file] of [
    [ContractRequestMessage, "negotiation/example/contract-request-message_initial.json"],
    [ContractRequestMessage, "negotiation/example/contract-request-message.json"],
    [ContractOfferMessage, "negotiation/example/contract-offer-message.json"],
    [ContractAgreementMessage, "negotiation/example/contract-agreement-message.json"],
    [
      ContractNegotiationEventMessage,
      "negotiation/example/contract-negotiation-event-message.json",
    ],
    [TransferRequestMessage, "transfer/example/transfer-request-message.json"],
    [TransferStartMessage, "transfer/example/transfer-start-message.json"],
  ] as const) {
    assert.doesNotThrow(() => parseMessage(schema, read(file)), file);
  }
});

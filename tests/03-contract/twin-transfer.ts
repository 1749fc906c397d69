import assert from "node:assert/strict";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { newPid, type Saying, type Twin, TwinProcess } from "./twin.ts";

const format = "HttpData-PULL";

/** What either side says of a running transfer. */
export class TwinTransfer extends TwinProcess {
  readonly restarted: Saying = ["start", "TransferStartMessage"];
  readonly suspended: Saying = ["suspension", "TransferSuspensionMessage", { code: "1" }];
  readonly completed: Saying = ["completion", "TransferCompletionMessage"];
  readonly terminated: Saying = ["termination", "TransferTerminationMessage", { code: "1" }];
  /** As the kit starts one: an address without a token. */
  readonly started: Saying = [
    "start",
    "TransferStartMessage",
    {
      dataAddress: {
        "@type": "DataAddress",
        endpoint: "http://example.com",
        endpointType: "https://w3id.org/idsa/v4.1/HTTP",
      },
    },
  ];
}

/** Asks the node, as a consumer, for what an agreement gives. */
export async function fetches(twin: Twin, agreementId: string): Promise<TwinTransfer> {
  const { connector, stranger } = twin;
  const consumerPid = newPid();
  const { callbackAddress } = stranger;
  const members = { consumerPid, agreementId, format, callbackAddress };
  const body = { "@id": newPid(), ...message("TransferRequestMessage", members) };
  const answer = await stranger.call(connector, `${dspPath}/transfers/request`, body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  const providerPid = String(answer.body["providerPid"]);
  return new TwinTransfer(twin, "transfers", "provider", { providerPid, consumerPid });
}

/** Has the node ask for what it bought, and hears its request. */
export async function isFetchedFrom(twin: Twin, agreementId: string): Promise<TwinTransfer> {
  const { connector, stranger } = twin;
  await connector.askForTransfer(agreementId, format);
  const { body } = await stranger.waitFor(`a transfer of ${agreementId}`, ({ path, body }) => {
    return path.endsWith("/transfers/request") && body["agreementId"] === agreementId;
  });
  assert.equal(body["format"], format);
  const consumerPid = String(body["consumerPid"]);
  const pids = { providerPid: `urn:uuid:of-${consumerPid}`, consumerPid };
  return new TwinTransfer(twin, "transfers", "consumer", pids);
}

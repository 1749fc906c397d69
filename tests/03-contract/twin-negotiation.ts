import assert from "node:assert/strict";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { type Body, newPid, type Saying, type Twin, TwinProcess } from "./twin.ts";

const use = [{ action: "use" }];

/** Asks the node for an offer of its catalogue, as a connector without our extension does. */
export async function asksFor(twin: Twin, dataset: string): Promise<TwinConsumer> {
  const { connector, stranger } = twin;
  const consumerPid = newPid();
  const offer = offerOf(connector.offerOf(dataset), dataset);
  const { callbackAddress } = stranger;
  const body = message("ContractRequestMessage", { consumerPid, offer, callbackAddress });
  const answer = await stranger.call(connector, `${dspPath}/negotiations/request`, body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  assert.equal(answer.body["state"], "REQUESTED");
  const providerPid = String(answer.body["providerPid"]);
  return new TwinConsumer(twin, { providerPid, consumerPid }, offer);
}

function offerOf(id: string, target: string): Body {
  return { "@type": "Offer", "@id": id, target, permission: use };
}

/** The other side as a consumer. */
export class TwinConsumer extends TwinProcess {
  readonly #offer: Body;

  constructor(twin: Twin, pids: TwinProcess["pids"], offer: Body) {
    super(twin, "negotiations", "provider", pids);
    this.#offer = offer;
  }

  /** A counter-offer, under an id of the consumer's own making. */
  counterOffer(): Saying {
    const target = String(this.#offer["target"]);
    const offer = offerOf(`CD123:${target}:456`, target);
    return ["request", "ContractRequestMessage", { offer }];
  }

  readonly accepted: Saying = [
    "events",
    "ContractNegotiationEventMessage",
    { eventType: "ACCEPTED" },
  ];
  readonly verified: Saying = ["agreement/verification", "ContractAgreementVerificationMessage"];
  readonly terminated: Saying = [
    "termination",
    "ContractNegotiationTerminationMessage",
    { code: "1" },
  ];
}

/** Has the node ask for an offer it was given by hand, and hears its request. */
export async function isAskedFor(twin: Twin, dataset: string): Promise<TwinProvider> {
  const { connector, stranger } = twin;
  const id = `offer${dataset}`;
  await connector.askForContract(stranger.did, dataset, id);
  const { body } = await stranger.waitFor(`a request for ${id}`, ({ path, body }) => {
    const asked = body["offer"] as Body | undefined;
    return path.endsWith("/negotiations/request") && asked?.["@id"] === id;
  });
  const asked = body["offer"] as Body;
  assert.equal(asked["target"], dataset);
  const consumerPid = String(body["consumerPid"]);
  const pids = { providerPid: `urn:uuid:of-${consumerPid}`, consumerPid };
  return new TwinProvider(twin, pids, dataset, id);
}

/** The other side as a provider. */
export class TwinProvider extends TwinProcess {
  readonly #parties: Body;
  readonly #dataset: string;
  readonly #offer: string;

  constructor(twin: Twin, pids: TwinProcess["pids"], dataset: string, offer: string) {
    super(twin, "negotiations", "consumer", pids);
    this.#parties = { assigner: twin.stranger.did, assignee: twin.connector.did };
    this.#dataset = dataset;
    this.#offer = offer;
  }

  offered(): Saying {
    const offer = { ...offerOf(this.#offer, this.#dataset), ...this.#parties };
    return ["offers", "ContractOfferMessage", { offer }];
  }

  agreed(): Saying {
    const agreement = {
      ...this.#parties,
      "@type": "Agreement",
      "@id": newPid(),
      target: this.#dataset,
      permission: use,
      timestamp: new Date().toISOString(),
    };
    return ["agreement", "ContractAgreementMessage", { agreement }];
  }

  readonly finalized: Saying = [
    "events",
    "ContractNegotiationEventMessage",
    { eventType: "FINALIZED" },
  ];
  readonly terminated: Saying = [
    "termination",
    "ContractNegotiationTerminationMessage",
    { code: "1" },
  ];
}

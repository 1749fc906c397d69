/** Every step of a transfer, by either side, from every state, at the real door. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TransferMove } from "../../src/market/decisions.ts";
import { nextTransfer, type TransferAct, type TransferState } from "../../src/market/transfer.ts";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { freeProduct, leaveSeat, openSide, type Seat, type Side, takeSeat, until } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

let seats: Seat[] = [];
let seller: Side;
let stranger: Stranger;
let agreement = "";
let number = 0;
let move: TransferMove | Promise<TransferMove> = { do: "wait" };

before(async () => {
  seats = [await takeSeat("seller"), await takeSeat("stranger")];
  const [a, b] = seats as [Seat, Seat];
  seller = await openSide(a, seats, { decisions: { transferRequested: () => move } });
  stranger = await openStranger(b);
  await seller.catalogue.add(freeProduct);
  const offer = seller.catalogue.offerOf(freeProduct.id);
  assert.ok(offer);
  const consumerPid = "urn:uuid:negotiation";
  const request = message("ContractRequestMessage", {
    consumerPid,
    offer: { ...offer, target: freeProduct.id },
    callbackAddress: stranger.callbackAddress,
  });
  const asked = await post("/negotiations/request", request);
  const { providerPid } = asked.body;
  const agreed = await stranger.heard("/agreement");
  agreement = String((agreed["agreement"] as Record<string, unknown>)["@id"]);
  const verification = message("ContractAgreementVerificationMessage", {
    providerPid,
    consumerPid,
  });
  const at = `/negotiations/${encodeURIComponent(String(providerPid))}/agreement/verification`;
  await post(at, verification);
  await until("the agreement stands", () => seller.agreements.get(agreement) !== undefined);
});

after(async () => {
  await stranger.stop();
  await seller.stop();
  await Promise.all(seats.map(leaveSeat));
});

function post(path: string, body: unknown) {
  return stranger.call(seller, `${dspPath}${path}`, body);
}

/** Asks for a transfer under the agreement; what becomes of it is `move`. */
async function asked(format = "HttpData-PULL") {
  const consumerPid = `urn:uuid:transfer-${++number}`;
  const callbackAddress = stranger.callbackAddress;
  const about = { consumerPid, agreementId: agreement, format, callbackAddress };
  const answer = await post("/transfers/request", message("TransferRequestMessage", about));
  assert.deepEqual([answer.status, answer.body["state"]], [201, "REQUESTED"]);
  return { consumerPid, providerPid: String(answer.body["providerPid"]) };
}

async function stateOf(pid: string): Promise<unknown> {
  const path = `${dspPath}/transfers/${encodeURIComponent(pid)}`;
  return (await stranger.call(seller, path)).body["state"];
}

type Pids = Awaited<ReturnType<typeof asked>>;

/** Our own steps that lead from REQUESTED to each state. */
const ways: Readonly<Record<TransferState, readonly TransferAct[]>> = {
  REQUESTED: [],
  STARTED: ["start"],
  SUSPENDED: ["start", "suspend"],
  COMPLETED: ["start", "complete"],
  TERMINATED: ["terminate"],
};

const messages = {
  start: ["start", "TransferStartMessage"],
  suspend: ["suspension", "TransferSuspensionMessage"],
  complete: ["completion", "TransferCompletionMessage"],
  terminate: ["termination", "TransferTerminationMessage"],
} as const;

const goals = { start: "STARTED", suspend: "SUSPENDED", complete: "COMPLETED" } as const;

async function say(event: keyof typeof messages, pids: Pids, id?: string) {
  const [path, type] = messages[event];
  const body = message(type, { ...pids, ...(id === undefined ? {} : { "@id": id }) });
  return post(`/transfers/${encodeURIComponent(pids.providerPid)}/${path}`, body);
}

test("transfer - a consumer's step is taken where the table allows it, else nothing changes", async () => {
  move = { do: "wait" };
  for (const from of Object.keys(ways) as TransferState[]) {
    for (const event of Object.keys(messages) as (keyof typeof messages)[]) {
      const pids = await asked();
      for (const act of ways[from]) await step(pids.providerPid, act);
      assert.equal(await stateOf(pids.providerPid), from);
      const goal = event === "terminate" ? "TERMINATED" : goals[event];
      // what we suspended is ours to start again; a step to where it stands is a repeat
      const isOurs = from === "SUSPENDED" && event === "start";
      const next =
        from === goal ? goal : isOurs ? undefined : nextTransfer(from, event, "consumer");
      const { status, body } = await say(event, pids);
      const what = `${event} in ${from}`;
      assert.equal(status, next === undefined ? 400 : 200, what);
      if (next === undefined) {
        assert.deepEqual([body["@type"], body["code"]], ["TransferError", "STATE_INVALID"], what);
        assert.equal(body["consumerPid"], pids.consumerPid);
      }
      assert.equal(await stateOf(pids.providerPid), next ?? from, what);
      await release(pids.providerPid);
    }
  }
});

test("transfer - our own step too, and the other side is told in the protocol's words", async () => {
  move = { do: "wait" };
  for (const from of Object.keys(ways) as TransferState[]) {
    for (const act of ["start", "suspend", "resume", "complete", "terminate"] as const) {
      const pids = await asked();
      for (const before of ways[from]) await step(pids.providerPid, before);
      const event = act === "resume" ? "start" : act;
      const next = nextTransfer(from, event, "provider");
      const what = `${act} in ${from}`;
      if (next === undefined) {
        await assert.rejects(step(pids.providerPid, act), { code: "STATE_INVALID" }, what);
        assert.equal(await stateOf(pids.providerPid), from, what);
      } else {
        await step(pids.providerPid, act);
        const [path, type] = messages[event];
        const at = `/transfers/${encodeURIComponent(pids.consumerPid)}/${path}`;
        const told = await stranger.heard(at);
        assert.deepEqual([told["@type"], told["providerPid"]], [type, pids.providerPid], what);
        assert.equal(await stateOf(pids.providerPid), next, what);
      }
      await release(pids.providerPid);
    }
  }
});

async function step(pid: string, act: TransferAct): Promise<void> {
  await seller.federation.transfers.act(pid, act, "as tested");
}

/** Ends it, so that the next transfer under the agreement may be asked for. */
async function release(pid: string): Promise<void> {
  const { transfers } = seller.federation;
  const { state } = await transfers.need(pid);
  if (!/COMPLETED|TERMINATED/.test(state)) await transfers.act(pid, "terminate", "tested");
  else if (transfers.desk.isHeld(agreement)) {
    const about = { consumerPid: "urn:uuid:round", agreementId: agreement, format: "Mqtt5-PULL" };
    const { callbackAddress } = stranger;
    const round = message("TransferRequestMessage", { ...about, callbackAddress });
    assert.equal((await post("/transfers/request", round)).status, 400, "no way round it");
    await transfers.act(pid, "resume", "tested");
  }
}

test("transfer - what is decided follows the answer: at once, later, or not at all", async () => {
  move = { do: "start" };
  const started = await asked();
  await stranger.heard(`/transfers/${encodeURIComponent(started.consumerPid)}/start`);
  const later = Promise.withResolvers<TransferMove>();
  move = later.promise;
  const waiting = await asked();
  assert.equal(await stateOf(waiting.providerPid), "REQUESTED");
  later.resolve({ do: "start" });
  await stranger.heard(`/transfers/${encodeURIComponent(waiting.consumerPid)}/start`);
  assert.equal(await stateOf(started.providerPid), "COMPLETED", "a newer one took its place");
  move = { do: "terminate", reason: "not today" };
  const refused = await asked();
  const end = await stranger.heard(
    `/transfers/${encodeURIComponent(refused.consumerPid)}/termination`,
  );
  assert.deepEqual(end["reason"], ["not today"]);
  assert.equal(await stateOf(refused.providerPid), "TERMINATED");
});

test("transfer - the same request again is the same transfer, with another token", async () => {
  move = { do: "start" };
  const { consumerPid, providerPid } = await asked();
  const at = `/transfers/${encodeURIComponent(consumerPid)}/start`;
  const first = tokenIn(await stranger.heard(at));
  const callbackAddress = stranger.callbackAddress;
  const about = { consumerPid, agreementId: agreement, format: "HttpData-PULL", callbackAddress };
  const again = await post("/transfers/request", message("TransferRequestMessage", about));
  assert.equal(again.body["providerPid"], providerPid);
  const starts = () => stranger.received.filter(({ path }) => path.endsWith(at));
  await until("the start is said again", () => starts().length === 2);
  const second = tokenIn(starts()[1]!.body);
  assert.notEqual(second, first);
  const { transfers } = seller.federation;
  assert.equal(transfers.authenticate(agreement, first), undefined);
  assert.equal(transfers.authenticate(agreement, second)?.transfer.pid, providerPid);
  await transfers.act(providerPid, "terminate", "tested");
});

function tokenIn(start: Record<string, unknown>): string {
  const { endpointType, endpointProperties } = start["dataAddress"] as {
    endpointType: string;
    endpointProperties: { name: string; value: string }[];
  };
  assert.equal(endpointType, "https://w3id.org/idsa/v4.1/HTTP");
  const values = new Map(endpointProperties.map(({ name, value }) => [name, value]));
  assert.equal(values.get("authType"), "bearer");
  assert.match(values.get("https://w3id.org/tractusx/auth/expiresIn") ?? "", /^86(399|400)$/);
  return values.get("authorization") ?? "";
}

test("transfer - a message that comes again late changes nothing", async () => {
  move = { do: "start" };
  const pids = await asked();
  await until("it has started", async () => (await stateOf(pids.providerPid)) === "STARTED");
  assert.equal((await say("suspend", pids, "urn:uuid:m1")).status, 200);
  assert.equal(await stateOf(pids.providerPid), "SUSPENDED");
  assert.equal((await say("start", pids, "urn:uuid:m2")).status, 200);
  const late = await say("suspend", pids, "urn:uuid:m1");
  assert.deepEqual([late.status, late.body["state"]], [200, "STARTED"]);
  assert.equal((await say("suspend", pids, "urn:uuid:m3")).body["state"], "SUSPENDED");
  await say("terminate", pids);
});

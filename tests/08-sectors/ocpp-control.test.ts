import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type CliIo } from "../../src/cli/context.ts";
import { runCli } from "../../src/cli/program.ts";
import type { ChargerResource } from "../../src/client/energy.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { connectCharger, type OcppVersion, type TestCharger } from "./ocpp-charger.ts";

let nodes: TwoNodes;
const tokens = new Map<string, string>();
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

const boot = {
  "ocpp1.6": { chargePointVendor: "Volt", chargePointModel: "One" },
  "ocpp2.0.1": { reason: "PowerUp", chargingStation: { vendorName: "Volt", model: "Two" } },
};

async function newCharger(name: string, version: OcppVersion = "ocpp1.6"): Promise<TestCharger> {
  if (!tokens.has(name)) {
    tokens.set(name, (await nodes.provider.http.addThing({ name })).token);
  }
  const charger = await connectCharger(nodes.provider, name, tokens.get(name)!, version);
  await charger.call("BootNotification", boot[version]);
  return charger;
}

async function stateOf(name: string): Promise<ChargerResource> {
  return (await nodes.provider.http.energy.chargers()).find(({ id }) => id === name)!;
}

async function cli(...args: string[]): Promise<string> {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  const { node, token } = nodes.provider;
  const env = { COMITY_URL: node.httpUrl, COMITY_TOKEN: token };
  const io: CliIo = { stdout: stream, stderr: stream, env };
  await runCli(args, io);
  return text.trim();
}

test("charger limits - set in both versions, kept over a restart, cleared", async () => {
  const old = await newCharger("cp-16");
  const station = await newCharger("cs-201", "ocpp2.0.1");
  assert.equal(
    await cli("charger", "limit", "cp-16", "11kW", "--for", "2h"),
    "cp-16 takes at most 11 kW.",
  );
  assert.equal(await cli("charger", "limit", "cs-201", "7.4kW"), "cs-201 takes at most 7.4 kW.");
  const [set] = old.asked;
  assert.equal(set!.method, "SetChargingProfile");
  const { chargingSchedule } = set!.params["csChargingProfiles"] as Record<
    string,
    Record<string, unknown>
  >;
  assert.equal(chargingSchedule!["duration"], 7200);
  assert.deepEqual(chargingSchedule!["chargingSchedulePeriod"], [
    { startPeriod: 0, limit: 11_000 },
  ]);
  const [set201] = station.asked;
  assert.equal(set201!.method, "SetChargingProfile");
  assert.match(JSON.stringify(set201!.params), /"limit":7400.*"ChargingStationMaxProfile"/);
  assert.deepEqual(
    [(await stateOf("cp-16")).limitW, (await stateOf("cp-16")).limit],
    [11_000, "set"],
  );

  await nodes.restart("provider");
  const again = await newCharger("cp-16");
  await until("its limit is set again", () => again.asked.length > 0);
  // the very same schedule: it goes on where it stood
  assert.deepEqual(again.asked[0], set);
  assert.equal(await cli("charger", "limit", "cp-16", "none"), "cp-16 takes as much as it can.");
  assert.deepEqual(again.asked[1], { method: "ClearChargingProfile", params: { id: 1 } });
  assert.equal((await stateOf("cp-16")).limitW, undefined);
  await again.close();

  // taken back while it is away: cleared when it comes
  const back = await newCharger("cs-201", "ocpp2.0.1");
  await until("its limit is set again", () => back.asked.length > 0);
  await back.close();
  await until("it is away", async () => !(await stateOf("cs-201")).online);
  assert.equal(
    await cli("charger", "limit", "cs-201", "none"),
    "cs-201 takes as much as it can, told when it connects.",
  );
  const third = await newCharger("cs-201", "ocpp2.0.1");
  await until("it is cleared", () => third.asked.length > 0);
  assert.deepEqual(third.asked[0], {
    method: "ClearChargingProfile",
    params: { chargingProfileId: 1 },
  });
  await third.close();
});

test("charger limits - in amperes where a charger takes no watts; refused where it takes neither", async () => {
  const charger = await newCharger("cp-amps");
  const units: string[] = [];
  charger.client.handle("SetChargingProfile", async ({ params }) => {
    const unit = /"chargingRateUnit":"(.)"/.exec(JSON.stringify(params))![1]!;
    units.push(unit);
    return { status: unit === "A" ? "Accepted" : "Rejected" };
  });
  await nodes.provider.http.energy.command("cp-amps", "limit", { watts: 11_040 });
  assert.deepEqual(units, ["W", "A"]);
  charger.client.handle("SetChargingProfile", async () => ({ status: "NotSupported" }));
  await assert.rejects(nodes.provider.http.energy.command("cp-amps", "limit", { watts: 1 }), {
    code: "CHARGER_REFUSED",
  });
  const state = await stateOf("cp-amps");
  // the one before stands
  assert.equal(state.limitW, 11_040);
  assert.ok(state.faults["limit"]! >= 1);
  await charger.close();
});

test("charger commands - what an operator asks is what the charger hears, in its version", async () => {
  const old = await newCharger("cp-ask");
  const station = await newCharger("cs-ask", "ocpp2.0.1");
  assert.equal(await cli("charger", "reset", "cp-ask"), "cp-ask: Accepted");
  await cli("charger", "reset", "cs-ask", "--hard");
  await cli("charger", "trigger", "cp-ask", "MeterValues");
  await cli("charger", "availability", "cp-ask", "off", "--evse", "2");
  await cli("charger", "availability", "cs-ask", "on");
  await cli("charger", "start", "cp-ask", "CARD", "--evse", "1");
  await cli("charger", "start", "cs-ask", "CARD");
  await cli("charger", "stop", "cp-ask", "17");
  await cli("charger", "stop", "cs-ask", "tx-1");
  const heard = ({ asked }: TestCharger) => asked.map(({ method, params }) => [method, params]);
  assert.deepEqual(heard(old), [
    ["Reset", { type: "Soft" }],
    ["TriggerMessage", { requestedMessage: "MeterValues" }],
    ["ChangeAvailability", { connectorId: 2, type: "Inoperative" }],
    ["RemoteStartTransaction", { idTag: "CARD", connectorId: 1 }],
    ["RemoteStopTransaction", { transactionId: 17 }],
  ]);
  const [reset, on, start, stop] = heard(station);
  assert.deepEqual(reset, ["Reset", { type: "Immediate" }]);
  assert.deepEqual(on, ["ChangeAvailability", { operationalStatus: "Operative" }]);
  const { remoteStartId, ...rest } = start![1] as Record<string, unknown>;
  assert.ok(Number.isInteger(remoteStartId));
  assert.deepEqual(rest, { idToken: { idToken: "CARD", type: "Central" } });
  assert.deepEqual(stop, ["RequestStopTransaction", { transactionId: "tx-1" }]);

  old.client.handle("Reset", async () => ({ status: "Rejected" }));
  assert.match(
    await cli("charger", "reset", "cp-ask"),
    /Charger cp-ask does not do Reset: Rejected\./,
  );
  // a transaction that 1.6 cannot name
  assert.match(await cli("charger", "stop", "cp-ask", "tx-1"), /does not do RemoteStopTransaction/);
  await old.close();
  await until("it is away", async () => !(await stateOf("cp-ask")).online);
  assert.match(await cli("charger", "reset", "cp-ask"), /Charger cp-ask is not connected\./);
  assert.match(await cli("charger", "reset", "nobody"), /nobody/);
  await station.close();

  const viewer = await nodes.provider.http.addUser("eve", "viewer");
  const url = `${nodes.provider.node.httpUrl}/api/v1/sectors/energy/chargers/cs-ask/reset`;
  const answer = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${viewer.token}`, "content-type": "application/json" },
    body: "{}",
  });
  assert.equal(answer.status, 403);
  const trail = await nodes.provider.http.audit({ limit: 1000 });
  assert.ok(
    trail.some(
      ({ act, outcome }) => act === "charger.reset" && outcome.endsWith("CHARGER_REFUSED"),
    ),
  );
});

test("id tags - nobody may charge until an operator says who", async () => {
  const charger = await newCharger("cp-tags");
  const station = await newCharger("cs-tags", "ocpp2.0.1");
  const old = async (idTag: string) =>
    (await charger.call("Authorize", { idTag }))["idTagInfo"] as { status: string };
  const next = async (idToken: string, type = "ISO14443") =>
    (await station.call("Authorize", { idToken: { idToken, type } }))["idTokenInfo"] as {
      status: string;
    };
  assert.equal((await old("CARD")).status, "Invalid");
  assert.equal(
    await cli("charger", "tags"),
    "Nobody may charge. Begin with: comity charger allow TAG",
  );
  await cli("charger", "allow", "Card");
  assert.equal((await old("cARD")).status, "Accepted");
  assert.equal((await next("CARD")).status, "Accepted");
  assert.equal((await next("", "NoAuthorization")).status, "Invalid");
  assert.equal((await old("other")).status, "Invalid");
  const start = {
    connectorId: 1,
    idTag: "other",
    meterStart: 0,
    timestamp: "2026-01-01T00:00:00Z",
  };
  const begun = await charger.call("StartTransaction", start);
  assert.equal((begun["idTagInfo"] as { status: string }).status, "Invalid");
  await cli("charger", "allow", "*");
  assert.equal((await next("", "NoAuthorization")).status, "Accepted");
  await cli("charger", "forbid", "*");
  await cli("charger", "forbid", "CARD");
  assert.equal((await old("card")).status, "Invalid");
  assert.match(await cli("charger", "forbid", "CARD"), /id tag CARD/i);
  const trail = JSON.stringify(await nodes.provider.http.audit({ limit: 1000 }));
  assert.ok(trail.includes("id-tag.add") && !/card"/i.test(trail));
  await charger.close();
  await station.close();
});

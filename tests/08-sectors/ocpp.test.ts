import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { type TestNode, type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { connectCharger, type OcppVersion, type TestCharger } from "./ocpp-charger.ts";

type Message = Record<string, unknown>;

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

/** The last that arrived of each topic, and all of it in its order. */
class Seen extends Map<string, Message> {
  readonly all: Message[] = [];

  override set(topic: string, message: Message): this {
    this.all.push(message);
    return super.set(topic, message);
  }
}

async function follow(side: "provider" | "consumer", filter: string): Promise<Seen> {
  const seen = new Seen();
  const client = await nodes.mqtt(side);
  await client.subscribe(filter, { qos: 1 }, ({ topic, payload }) => {
    seen.set(topic, JSON.parse(Buffer.from(payload).toString()) as Message);
  });
  return seen;
}

async function newCharger(name: string, version: OcppVersion = "ocpp1.6"): Promise<TestCharger> {
  const { token } = await nodes.provider.http.addThing({ name, publish: [`chargers/${name}/#`] });
  return connectCharger(nodes.provider, name, token, version);
}

const now = (): string => new Date().toISOString();
const boot16 = { chargePointVendor: "Volt", chargePointModel: "One", firmwareVersion: "1.0" };

test("ocpp - a 1.6 charger boots, charges and meters; another organisation reads it", async () => {
  const { template } = await nodes.provider.http.sector("energy");
  await nodes.share({
    ...{ id: "chargers", title: "Chargers", topics: ["chargers/#"], sector: "energy" },
    ...template.product,
    terms: template.terms,
  });
  const seen = await follow("consumer", "from/provider/chargers/#");
  const charger = await newCharger("cp-16");
  const booted = await charger.call("BootNotification", boot16);
  assert.equal(booted["status"], "Accepted");
  assert.equal((await charger.call("Heartbeat"))["currentTime"] !== undefined, true);
  const status = { connectorId: 1, errorCode: "NoError", status: "Available" };
  await charger.call("StatusNotification", status);
  const started = await charger.call("StartTransaction", {
    ...{ connectorId: 1, idTag: "card-1", meterStart: 1_000, timestamp: now() },
  });
  await charger.call("MeterValues", {
    ...{ connectorId: 1, transactionId: started["transactionId"] },
    meterValue: [
      {
        timestamp: "2026-01-01T12:00:00Z",
        sampledValue: [
          { value: "7.4", measurand: "Power.Active.Import", unit: "kW" },
          { value: "1500" },
        ],
      },
    ],
  });
  await charger.call("StopTransaction", {
    ...{ transactionId: started["transactionId"], meterStop: 9_250, timestamp: now() },
    reason: "EVDisconnected",
  });
  const base = "from/provider/chargers/chargers/cp-16";
  await until("the transaction ended there", () => {
    return seen.get(`${base}/transactions/1`)?.["state"] === "ended";
  });
  assert.deepEqual(seen.get(`${base}/meters/1`), {
    type: "ThreePhaseAcMeasurement",
    id: "cp-16/1",
    dateObserved: "2026-01-01T12:00:00.000Z",
    transaction: String(started["transactionId"]),
    totalActivePower: 7400,
    totalActiveEnergyImport: 1.5,
  });
  const session = seen.get(`${base}/transactions/1`)!;
  assert.equal(session["energy"], 8.25);
  assert.equal(session["reason"], "EVDisconnected");
  const station = seen.get(`${base}/station`)!;
  assert.equal(station["type"], "EVChargingStation");
  assert.equal(station["status"], "working");
  assert.deepEqual([station["capacity"], station["availableCapacity"]], [1, 1]);
  // who charged is nobody's business
  assert.ok(![...seen.values()].some((message) => JSON.stringify(message).includes("card-1")));
  await charger.close();
});

test("ocpp - a 2.0.1 station: transaction events with meter values, events, what it cannot know", async () => {
  const seen = await follow("provider", "chargers/cs-201/#");
  const station = await newCharger("cs-201", "ocpp2.0.1");
  const booted = await station.call("BootNotification", {
    reason: "PowerUp",
    chargingStation: { vendorName: "Volt", model: "Two" },
  });
  assert.equal(booted["status"], "Accepted");
  for (const connectorId of [1, 2]) {
    const connectorStatus = connectorId === 1 ? "Occupied" : "Faulted";
    await station.call("StatusNotification", {
      ...{ timestamp: now(), evseId: 1, connectorId, connectorStatus },
    });
  }
  const event = (eventType: string, seqNo: number, kWh: number, more: object = {}) =>
    station.call("TransactionEvent", {
      ...{ eventType, seqNo, timestamp: now(), triggerReason: "MeterValuePeriodic" },
      transactionInfo: { transactionId: "tx-a" },
      evse: { id: 1, connectorId: 1 },
      meterValue: [
        {
          timestamp: now(),
          sampledValue: [
            { value: kWh, unitOfMeasure: { unit: "kWh" } },
            { value: 11, measurand: "Power.Active.Import", unitOfMeasure: { unit: "kW" } },
          ],
        },
      ],
      ...more,
    });
  await event("Started", 0, 100);
  await event("Updated", 1, 104.5);
  await event("Ended", 2, 110, {
    transactionInfo: { transactionId: "tx-a", stoppedReason: "SOCLimitReached" },
  });
  await station.call("SecurityEventNotification", { type: "SettingSystemTime", timestamp: now() });
  await station.call("FirmwareStatusNotification", { status: "Installed" });
  await station.call("LogStatusNotification", { status: "Idle" });
  await station.call("NotifyReport", { requestId: 1, generatedAt: now(), seqNo: 0 });
  await station.call("NotifyEvent", {
    ...{ generatedAt: now(), seqNo: 0 },
    eventData: [
      {
        ...{ eventId: 1, timestamp: now(), trigger: "Alerting", actualValue: "81" },
        eventNotificationType: "HardWiredMonitor",
        component: { name: "PowerContactor" },
        variable: { name: "Temperature" },
      },
    ],
  });
  const base = "chargers/cs-201";
  await until("the event is told", () => seen.has(`${base}/events`));
  assert.equal(seen.get(`${base}/events`)!["value"], "81");
  const session = seen.get(`${base}/transactions/1`)!;
  assert.deepEqual([session["state"], session["energy"]], ["ended", 10]);
  assert.equal(seen.get(`${base}/meters/1`)!["totalActivePower"], 11_000);
  assert.equal(seen.get(`${base}/station`)!["status"], "withIncidence");
  assert.equal(seen.get(`${base}/station`)!["firmwareStatus"], "Installed");
  await assert.rejects(station.call("Get15118EVCertificate", certificate), {
    rpcErrorCode: "NotImplemented",
  });
  await station.close();
});

const certificate = { iso15118SchemaVersion: "urn:x", action: "Install", exiRequest: "AA==" };

test("ocpp - a transaction outlives a restart of the node, and no id is given twice", async () => {
  const { token } = await nodes.provider.http.addThing({
    ...{ name: "cp-long", publish: ["chargers/cp-long/#"] },
  });
  const before = await connectCharger(nodes.provider, "cp-long", token);
  const start = { connectorId: 2, idTag: "card-2", meterStart: 0, timestamp: now() };
  const { transactionId } = await before.call("StartTransaction", start);
  // it got no answer and says it again
  assert.equal((await before.call("StartTransaction", start))["transactionId"], transactionId);
  const closed = once(before.client, "close");
  await nodes.restart("provider");
  const [{ code }] = (await closed) as [{ code: number }];
  assert.equal(code, 1001);
  const seen = await follow("provider", "chargers/cp-long/transactions/#");
  const charger = await connectCharger(nodes.provider, "cp-long", token);
  assert.equal((await charger.call("StartTransaction", start))["transactionId"], transactionId);
  await charger.call("StopTransaction", { transactionId, meterStop: 4_000, timestamp: now() });
  const later = { ...start, timestamp: "2026-01-01T00:00:00Z" };
  const next = await charger.call("StartTransaction", later);
  assert.ok(Number(next["transactionId"]) > Number(transactionId));
  // the same stop again changes nothing
  await charger.call("StopTransaction", { transactionId, meterStop: 4_000, timestamp: now() });
  await until("both are told", () => seen.all.length === 2);
  const [ended, begun] = seen.all;
  assert.deepEqual(
    [ended!["id"], ended!["state"], ended!["energy"]],
    [String(transactionId), "ended", 4],
  );
  assert.deepEqual([begun!["id"], begun!["state"]], [String(next["transactionId"]), "open"]);
  await charger.close();
});

/** How an upgrade is answered; 200 where it is taken. */
async function refusal(node: TestNode, path: string, authorization?: string): Promise<Response> {
  return new Promise((resolve, reject) => {
    const asked = request(`${node.node.httpUrl}${path}`, {
      headers: {
        ...{ connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
        ...{ "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", "sec-websocket-protocol": "ocpp1.6" },
        ...(authorization !== undefined && { authorization }),
      },
    });
    asked.on("response", (answer) => {
      answer.resume();
      const headers = new Headers(answer.headers as Record<string, string>);
      resolve(new Response(null, { status: answer.statusCode!, headers }));
    });
    asked.on("upgrade", (_answer, socket) => {
      socket.destroy();
      resolve(new Response(null, { status: 200, headers: { upgraded: "yes" } }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

test("ocpp - who has no credential, another's, or no name is refused", async () => {
  const { provider } = nodes;
  const mine = await provider.http.addThing({ name: "cp-a" });
  await provider.http.addThing({ name: "cp-b" });
  const path = "/sectors/energy/ocpp";
  const none = await refusal(provider, `${path}/cp-a`);
  assert.equal(none.status, 401);
  assert.equal(none.headers.get("www-authenticate"), 'Basic realm="OCPP"');
  for (const [to, header] of [
    ["cp-a", basic("cp-a", "wrong")],
    ["cp-b", basic("cp-a", mine.token)],
    ["cp-b", basic("cp-b", mine.token)],
    ["cp-a", basic("token", provider.token)],
    ["cp-a", basic("cp-a", provider.token)],
    ["cp-a", `Bearer ${mine.token}`],
  ] as const) {
    assert.equal((await refusal(provider, `${path}/${to}`, header)).status, 401, `${to} ${header}`);
  }
  const authorization = basic("cp-a", mine.token);
  for (const bad of [`${path}/%zz`, `${path}/`, `${path}/cp-a/more`, "/sectors/energy/other"]) {
    assert.equal((await refusal(provider, bad, authorization)).status, 404, bad);
  }
  assert.equal((await refusal(provider, `${path}/cp-a`, authorization)).status, 200);
  const token = (await provider.http.addThing({ name: "cp-c", publish: ["a/+/b"] })).token;
  assert.equal((await refusal(provider, `${path}/cp-c`, basic("cp-c", token))).status, 403);
});

test("ocpp - a charger that reconnects in a loop is kept waiting; the newest connection counts", async () => {
  const { token } = await nodes.provider.http.addThing({ name: "cp-loop" });
  const first = await connectCharger(nodes.provider, "cp-loop", token);
  const taken = once(first.client, "close");
  const second = await connectCharger(nodes.provider, "cp-loop", token);
  const [told] = (await taken) as [{ code: number; reason: string }];
  assert.deepEqual([told.code, told.reason], [1008, "a newer connection took over"]);
  assert.equal((await second.call("BootNotification", boot16))["status"], "Accepted");
  const path = "/sectors/energy/ocpp/cp-loop";
  const answers: number[] = [];
  let waitSeconds = "";
  for (let i = 0; i < 6; i++) {
    const answer = await refusal(nodes.provider, path, basic("cp-loop", token));
    answers.push(answer.status);
    waitSeconds = answer.headers.get("retry-after") ?? "";
  }
  assert.deepEqual(answers, [200, 200, 200, 200, 429, 429]);
  assert.equal(waitSeconds, "10");
});

test("ocpp - bad messages are answered, counted, and ended where they do not stop", async () => {
  const charger = await newCharger("cp-bad");
  const { client } = charger;
  const answers: string[] = [];
  client.on("message", ({ message, outbound }: { message: string; outbound: boolean }) => {
    if (!outbound) answers.push(message);
  });
  client.sendRaw(JSON.stringify([2, "a", "BootNotification", { chargePointVendor: 5 }]));
  client.sendRaw(JSON.stringify([2, "b", "NoSuchCall", {}]));
  await until("both are answered", () => answers.length === 2);
  assert.match(answers.join(), /"a","OccurrenceConstraintViolation"/);
  assert.match(answers.join(), /"b","NotImplemented"/);
  // it is alive still
  const data = await charger.call("DataTransfer", { vendorId: "somebody" });
  assert.equal(data["status"], "UnknownVendorId");
  const closed = once(client, "close");
  for (let i = 0; i < 12; i++) client.sendRaw("{no json");
  const [{ code }] = (await closed) as [{ code: number }];
  assert.equal(code, 1002);
  const large = await newCharger("cp-large");
  const ended = once(large.client, "close");
  large.client.sendRaw(JSON.stringify([2, "c", "DataTransfer", { data: "x".repeat(200_000) }]));
  assert.equal(((await ended) as [{ code: number }])[0].code, 1009);
});

test("ocpp - a charger whose Thing is removed is disconnected at once", async () => {
  const charger = await newCharger("cp-gone");
  const closed = once(charger.client, "close");
  await nodes.provider.http.removeThing("cp-gone");
  const [told] = (await closed) as [{ code: number; reason: string }];
  assert.deepEqual([told.code, told.reason], [1008, "its credential was withdrawn"]);
});

test("ocpp - a password of OCPP's length opens as the token does, and ends with its Thing", async () => {
  const { http } = nodes.provider;
  const { token } = await http.addThing({ name: "cp-short" });
  const path = "/sectors/energy/ocpp/cp-short";
  const answerTo = async (password: string): Promise<number> =>
    (await refusal(nodes.provider, path, basic("cp-short", password))).status;
  const first = await http.energy.makePassword("cp-short");
  assert.match(first.password, /^[\w-]{32}$/); // BasicAuthPassword: 16 to 40 characters
  const charger = await connectCharger(nodes.provider, "cp-short", first.password);
  assert.equal((await charger.call("BootNotification", boot16))["status"], "Accepted");
  const closed = once(charger.client, "close");
  const second = await http.energy.makePassword("cp-short");
  await closed;
  assert.deepEqual(
    [await answerTo(first.password), await answerTo(second.password), await answerTo(token)],
    [401, 200, 200],
  );
  await nodes.restart("provider");
  assert.equal(await answerTo(second.password), 200);
  await nodes.provider.http.removeThing("cp-short");
  await nodes.provider.http.addThing({ name: "cp-short" });
  assert.equal(await answerTo(second.password), 401);
  await assert.rejects(nodes.provider.http.energy.makePassword("nobody"), { code: "NOT_FOUND" });
});

test("ocpp - a removed Thing leaves nothing behind for the next of its name", async () => {
  const { http } = nodes.provider;
  const first = await newCharger("cp-name");
  const start = { connectorId: 1, idTag: "card", meterStart: 0, timestamp: now() };
  await first.call("StartTransaction", start);
  await http.energy.command("cp-name", "limit", { watts: 4_000 });
  const isListed = async () => (await http.energy.chargers()).some(({ id }) => id === "cp-name");
  assert.ok(await isListed());
  await http.removeThing("cp-name");
  assert.ok(!(await isListed()));
  const next = await newCharger("cp-name");
  await next.call("BootNotification", boot16);
  const state = (await http.energy.chargers()).find(({ id }) => id === "cp-name")!;
  assert.deepEqual([state.transactions, state.limitW], [[], undefined]);
  await next.close();
});

test("ocpp - a charger of another version is let in without a subprotocol, and let go", async () => {
  const { token } = await nodes.provider.http.addThing({ name: "cp-old" });
  const url = `${nodes.provider.node.httpUrl.replace("http", "ws")}/sectors/energy/ocpp/cp-old`;
  const headers = { authorization: basic("cp-old", token) };
  const line = new WebSocket(url, { headers });
  const [code] = (await once(line, "close")) as [number];
  assert.equal(code, 1002);
  const chargers = await nodes.provider.http.energy.chargers();
  assert.deepEqual(chargers.find(({ id }) => id === "cp-old")!.faults, { protocol: 1 });
});

test("ocpp - a charger that floods is disconnected, and that is counted", async () => {
  const { token } = await nodes.provider.http.addThing({ name: "cp-flood" });
  const charger = await connectCharger(nodes.provider, "cp-flood", token);
  const closed = once(charger.client, "close");
  for (let i = 0; i < 700; i++)
    charger.client.sendRaw(JSON.stringify([2, `${i}`, "Heartbeat", {}]));
  await closed;
  const chargers = await nodes.provider.http.energy.chargers();
  const { faults, online } = chargers.find(({ id }) => id === "cp-flood")!;
  assert.equal(online, false);
  assert.ok(faults["rate"]! >= 1);
});

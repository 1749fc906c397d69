import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CliIo } from "../../src/cli/context.ts";
import { runCli } from "../../src/cli/program.ts";
import type { DemandResource } from "../../src/client/energy.ts";
import type { OfferResource } from "../../src/client/resources.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { connectCharger, type OcppVersion, type TestCharger } from "./ocpp-charger.ts";

type Message = Record<string, unknown>;

/** The provider is the grid company, the consumer has the chargers. */
let nodes: TwoNodes;
/** What the grid company gets of the other's reports. */
const reports: Message[] = [];
const tokens = new Map<string, string>();

before(async () => {
  nodes = await twoNodes();
  const { provider: grid, consumer: depot } = nodes;
  const { template } = await grid.http.sector("energy");
  const energy = { sector: "energy", ...template.product, terms: template.terms };
  await nodes.share({ id: "calls", title: "Calls", topics: ["demand/#"], ...energy });
  const topics = ["demand/reports/#"];
  await depot.http.addProduct({ id: "reports", title: "What we did", topics, ...energy });
  await grid.http.addPeer(depot.node.httpUrl);
  let offer: OfferResource | undefined;
  await until("the grid company finds the reports", async () => {
    const found = await grid.http.find({ q: "reports", fresh: true });
    offer = found.find(({ product }) => product === "reports");
    return offer !== undefined;
  });
  await grid.http.agree(offer!.offer, offer!.provider);
  const owner = await nodes.mqtt("provider");
  await owner.subscribe("from/consumer/reports/#", { qos: 1 }, ({ payload }) => {
    reports.push(JSON.parse(Buffer.from(payload).toString()) as Message);
  });
});
after(() => nodes.close());

interface Period {
  readonly startPeriod: number;
  readonly limit: number;
}

/** A charger whose car takes all it may: it obeys the profile it was given, and meters. */
class Car {
  readonly charger: TestCharger;
  readonly #version: OcppVersion;
  readonly #wantsW: number;
  #profile: { startSchedule: string; duration?: number; periods: readonly Period[] } | undefined;

  private constructor(charger: TestCharger, version: OcppVersion, wantsW: number) {
    this.charger = charger;
    this.#version = version;
    this.#wantsW = wantsW;
    charger.client.handle("SetChargingProfile", async ({ params = {} }) => {
      const { csChargingProfiles, chargingProfile } = params as Record<string, Message>;
      const schedule = (csChargingProfiles ?? chargingProfile)!["chargingSchedule"];
      const one = (Array.isArray(schedule) ? schedule[0] : schedule) as Message;
      this.#profile = {
        ...(one as { startSchedule: string; duration?: number }),
        periods: one["chargingSchedulePeriod"] as Period[],
      };
      return { status: "Accepted" };
    });
    charger.client.handle("ClearChargingProfile", async () => {
      this.#profile = undefined;
      return { status: "Accepted" };
    });
  }

  static async connect(name: string, version: OcppVersion, wantsW: number): Promise<Car> {
    if (!tokens.has(name)) {
      tokens.set(name, (await nodes.consumer.http.addThing({ name })).token);
    }
    const charger = await connectCharger(nodes.consumer, name, tokens.get(name)!, version);
    const car = new Car(charger, version, wantsW);
    await charger.call("Heartbeat");
    return car;
  }

  get watts(): number {
    if (this.#profile === undefined) return this.#wantsW;
    const { startSchedule, duration = Infinity, periods } = this.#profile;
    const seconds = (Date.now() - Date.parse(startSchedule)) / 1000;
    if (seconds < 0 || seconds >= duration) return this.#wantsW;
    const period = periods.findLast(({ startPeriod }) => startPeriod <= seconds);
    return Math.min(this.#wantsW, period?.limit ?? Infinity);
  }

  async meter(): Promise<void> {
    const timestamp = new Date().toISOString();
    const measurand = "Power.Active.Import";
    if (this.#version === "ocpp1.6") {
      const sampledValue = [{ value: String(this.watts), measurand, unit: "W" }];
      const meterValue = [{ timestamp, sampledValue }];
      await this.charger.call("MeterValues", { connectorId: 1, meterValue });
    } else {
      const sampledValue = [{ value: this.watts, measurand, unitOfMeasure: { unit: "W" } }];
      await this.charger.call("MeterValues", {
        evseId: 1,
        meterValue: [{ timestamp, sampledValue }],
      });
    }
  }
}

async function cli(side: "provider" | "consumer", ...args: string[]): Promise<string> {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  const { node, token } = nodes[side];
  const io: CliIo = {
    ...{ stdout: stream, stderr: stream },
    env: { COMITY_URL: node.httpUrl, COMITY_TOKEN: token },
  };
  await runCli(args, io);
  return text.trim();
}

const reportOf = (event: string, state: string): Message | undefined =>
  reports.findLast((one) => one["eventID"] === event && one["state"] === state);

async function follow(id: string): Promise<DemandResource> {
  return (await nodes.consumer.http.energy.demand()).find((one) => one.id === id)!;
}

test("demand response - the grid calls, another's chargers take less, and the meters tell the grid", async () => {
  const followed = await cli(
    ...(["consumer", "demand", "follow", "from/provider/calls/#"] as const),
    ...["--chargers", "cp-1,cs-2,cp-3", "--name", "depot"],
  );
  assert.match(followed, /^depot follows from\/provider\/calls\/# with cp-1, cs-2, cp-3\.\n/);
  const cars = [
    await Car.connect("cp-1", "ocpp1.6", 22_000),
    await Car.connect("cs-2", "ocpp2.0.1", 11_000),
  ];
  await Promise.all(cars.map((car) => car.meter()));

  const call = ["demand", "call", "demand/evening", "--limit", "15kW", "--in", "1s", "--for", "4s"];
  await cli("provider", ...call, "--id", "e-1", "--program", "peak");
  await until("the call was taken", () => reportOf("e-1", "accepted") !== undefined);
  const accepted = reportOf("e-1", "accepted")!;
  // cp-3 never connected: its part of the limit is nobody else's
  const { chargers, set, pending, measured } = accepted;
  assert.deepEqual([chargers, set, pending, measured], [3, 2, 1, 0]);
  assert.equal("reductionKw" in accepted, false);

  await until("both were told, and begin", () => cars.every(({ watts }) => watts === 5_000));
  await Promise.all(cars.map((car) => car.meter()));
  await until("the grid hears of it", () => reportOf("e-1", "active")?.["measured"] === 2);
  const active = reportOf("e-1", "active")!;
  assert.deepEqual([active["beforeKw"], active["afterKw"], active["reductionKw"]], [33, 10, 23]);
  assert.equal(active["limitKw"], 15);
  assert.deepEqual([active["programID"], active["clientName"]], ["peak", "depot"]);
  assert.deepEqual(active["resources"], [
    {
      resourceName: "AGGREGATED_REPORT",
      intervals: [
        {
          id: 0,
          payloads: [
            { type: "BASELINE", values: [33] },
            { type: "DEMAND", values: [10] },
          ],
        },
      ],
    },
  ]);
  await until("it ended", () => reportOf("e-1", "ended") !== undefined);
  const ended = reportOf("e-1", "ended")!;
  assert.deepEqual([ended["reductionKw"], ended["set"], ended["pending"]], [23, 2, 1]);
  assert.deepEqual(
    cars.map(({ watts }) => watts),
    [22_000, 11_000],
  );
  assert.deepEqual((await follow("depot")).calls, []);
  // whose chargers they are is not told
  assert.ok(!/cp-1|cs-2|cp-3/.test(JSON.stringify(reports)));
  for (const { charger } of cars) await charger.close();
});

test("demand response - called off: the limit is taken back; the same call again is not obeyed", async () => {
  const car = await Car.connect("cp-1", "ocpp1.6", 22_000);
  const call = ["demand", "call", "demand/evening", "--limit", "3kW", "--for", "1h", "--id", "e-2"];
  const made = JSON.parse(await cli("provider", ...call, "--json")) as Message;
  await until("it is limited", () => car.watts === 1_000);
  assert.equal((await follow("depot")).calls[0]!.limitKw, 3);
  await cli("provider", "demand", "cancel", "demand/evening", "e-2");
  await until("it is told", () => reportOf("e-2", "cancelled") !== undefined);
  assert.equal(car.watts, 22_000);
  await nodes.provider.http.publish("demand/evening", JSON.stringify(made), { qos: 1 });
  const past = {
    ...made,
    id: "e-past",
    intervalPeriod: { start: "2026-01-01T00:00:00Z", duration: "PT1H" },
  };
  await nodes.provider.http.publish("demand/evening", JSON.stringify(past), { qos: 1 });
  await until("both came", async () => (await follow("depot")).faults["late"] === 1);
  assert.equal(car.watts, 22_000);
  await car.charger.close();
});

test("demand response - a call goes on over a restart, and a charger that connects is told", async () => {
  const call = ["demand", "call", "demand/evening", "--limit", "6kW", "--for", "1h", "--id", "e-3"];
  await cli("provider", ...call);
  await until("it was taken", () => reportOf("e-3", "accepted") !== undefined);
  assert.equal(reportOf("e-3", "accepted")!["pending"], 3);
  await nodes.restart("consumer");
  const car = await Car.connect("cs-2", "ocpp2.0.1", 11_000);
  await until("it is told", () => car.watts === 2_000);
  // an operator's own limit stands beside it: the least counts
  await nodes.consumer.http.energy.command("cs-2", "limit", { watts: 1_500 });
  assert.equal(car.watts, 1_500);
  await nodes.consumer.http.energy.command("cs-2", "limit", { watts: null });
  assert.equal(car.watts, 2_000);
  assert.equal(await cli("consumer", "demand", "remove", "depot"), "depot is followed no more.");
  await until("it is free", () => car.watts === 11_000);
  await car.charger.close();
});

test("demand response - levels are shares of a capacity; what is for others, or no call, is named", async () => {
  const filter = "from/provider/calls/#";
  const { energy } = nodes.consumer.http;
  await energy.followDemand({ id: "levels", filter, chargers: ["cp-1", "cs-2"], capacityKw: 20 });
  await energy.followDemand({ id: "bare", filter, chargers: ["cp-1"] });
  const car = await Car.connect("cp-1", "ocpp1.6", 22_000);
  const event = {
    ...{ objectType: "EVENT", id: "s-1", programID: "simple" },
    intervalPeriod: { start: new Date().toISOString(), duration: "PT1H" },
    intervals: [{ id: 0, payloads: [{ type: "SIMPLE", values: [2] }] }],
  };
  const publish = (message: unknown) =>
    nodes.provider.http.publish("demand/levels", JSON.stringify(message), { qos: 1 });
  await publish(event);
  await until("half of the capacity, in two parts", () => car.watts === 5_000);
  await until("one refuses", () => reportOf("s-1", "refused") !== undefined);
  assert.equal(reportOf("s-1", "refused")!["clientName"], "bare");
  assert.equal((await follow("bare")).faults["capacity"], 1);
  // for one charger alone: it has the whole of it
  const targets = [{ type: "RESOURCE_NAME", values: ["cp-1"] }];
  await publish({
    ...event,
    modificationDateTime: new Date(Date.now() + 1).toISOString(),
    targets,
  });
  await until("it is the only one", () => car.watts === 10_000);
  // and then not for it: the limit is taken back
  const later = (ms: number) => new Date(Date.now() + ms).toISOString();
  const others = [{ type: "RESOURCE_NAME", values: ["cp-77"] }];
  await publish({ ...event, modificationDateTime: later(1_000), targets: others });
  await until("it is free", () => car.watts === 22_000);
  await publish({ ...event, modificationDateTime: later(2_000), targets });
  await until("it is meant again", () => car.watts === 10_000);
  await publish({ ...event, id: "s-2", targets: [{ type: "VEN_NAME", values: ["somebody"] }] });
  await publish({ ...event, id: "s-3", intervals: [] });
  await publish({ type: "Reading", value: 5 });
  await until("all are counted", async () => {
    const { faults } = await follow("levels");
    return faults["target"] === 1 && faults["interval"] === 1 && faults["event"] === 1;
  });
  assert.equal(car.watts, 10_000);
  for (let i = 0; i < 70; i++) await publish({ ...event, id: "s-2", targets: others });
  await until("too many are counted", async () => (await follow("levels")).faults["rate"]! > 0);
  await assert.rejects(energy.followDemand({ filter: "demand/#", chargers: ["*"] }), {
    code: "BODY_INVALID",
  });
  await assert.rejects(energy.followDemand({ id: "bare", filter, chargers: ["*"] }), {
    code: "STORE_CONFLICT",
  });
  await car.charger.close();
});

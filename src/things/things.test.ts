import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openEmbeddedStore } from "../engines/embedded/store.ts";
import { systemClock } from "../kernel/clock.ts";
import { systemEntropy } from "../kernel/id.ts";
import type { Store } from "../ports/store.ts";
import { AppKeys } from "./app-keys.ts";
import { AuditTrail } from "./audit.ts";
import { principalOfBearer, principalOfCredentials } from "./credentials.ts";
import { Things } from "./directory.ts";
import { Validator } from "./wot/validator.ts";
import { thingDescription } from "./wot/thing-description.ts";
import { Users } from "./users.ts";

let folder: string;
let store: Store;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-things-"));
  store = await openEmbeddedStore({ path: join(folder, "store.db") });
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const outside = { clock: systemClock, entropy: systemEntropy };
const keepAdminToken = async (): Promise<void> => {};

test("Things - a token opens its Thing alone, before and after a restart", async () => {
  const things = await Things.open({ store, ...outside });
  const bus = await things.create({ name: "bus-7", title: "Bus 7" });
  const pump = await things.create({ name: "pump", publish: ["pump/+/rpm"], subscribe: ["a/#"] });
  assert.equal(Buffer.from(bus.token, "base64url").length, 32);
  for (const directory of [things, await Things.open({ store, ...outside })]) {
    assert.deepEqual(directory.authenticate("bus-7", bus.token), {
      kind: "thing",
      id: "bus-7",
      publish: ["bus-7/#"],
      subscribe: [],
      turn: 0,
    });
    assert.equal(directory.authenticate("bus-7", pump.token), undefined);
    assert.equal(directory.authenticate("nobody", bus.token), undefined);
    assert.equal(directory.authenticate("bus-7", ""), undefined);
    assert.deepEqual(
      directory.list().map((thing) => thing.id),
      ["bus-7", "pump"],
    );
  }
});

test("Things - the store holds no token, only its hash", async () => {
  const things = await Things.open({ store, ...outside });
  const { token } = await things.create({ name: "secret" });
  const stored = JSON.stringify(await store.list("thing"));
  assert.ok(!stored.includes(token));
});

test("Things - rotating and removing take the old token away and close what it opened", async () => {
  const things = await Things.open({ store, ...outside });
  const closed: string[] = [];
  things.onClosed((id) => closed.push(id));
  const { token } = await things.create({ name: "meter" });
  const fresh = await things.rotate("meter", 0);
  assert.equal(things.authenticate("meter", token), undefined);
  assert.ok(things.authenticate("meter", fresh.token));
  await things.remove("meter");
  assert.equal(things.authenticate("meter", fresh.token), undefined);
  assert.deepEqual(closed, ["meter", "meter"]);
  await assert.rejects(things.remove("meter"), { code: "NOT_FOUND" });
});

test("Things - a bad draft, a taken name and the limit are refused by name", async () => {
  const things = await Things.open({ store, ...outside });
  await assert.rejects(things.create({ name: "Bus 7" }), { code: "THING_INVALID" });
  await assert.rejects(things.create({ name: "x", publish: ["a/#/b"] }), { code: "THING_INVALID" });
  await assert.rejects(things.create({ name: "x", publish: ["$SYS/#"] }), {
    code: "THING_INVALID",
  });
  await assert.rejects(things.create({ name: "x", place: { lat: 91, lon: 0 } }), {
    code: "THING_INVALID",
  });
  await assert.rejects(things.create({ name: "bus-7" }), { code: "STORE_CONFLICT" });
  const full = await Things.open({ store, ...outside, thingsMax: 1 });
  await assert.rejects(full.create({ name: "one-more" }), { code: "LIMIT_REACHED" });
});

test("Things - what was seen last is told until the Thing is gone", async () => {
  const things = await Things.open({ store, ...outside });
  await things.create({ name: "seen" });
  const payload = Buffer.from("21.5 °C");
  things.noteSeen("seen", "seen/t", payload);
  things.noteSeen("nobody", "seen/t", payload);
  const at = outside.clock.now();
  const seen = { at, topic: "seen/t", bytes: 8, summary: "21.5 °C" };
  assert.deepEqual({ ...things.seen.of("seen"), at }, seen);
  const told: unknown[] = [];
  const end = things.seen.follow("seen", ({ topic }) => told.push(topic));
  things.noteSeen("seen", "seen/u", payload);
  end();
  things.noteSeen("seen", "seen/v", payload);
  assert.deepEqual(told, ["seen/t", "seen/u"]);
  await things.remove("seen");
  assert.equal(things.seen.of("seen"), undefined);
});

test("thingDescription - has what TD 1.1 asks of every Thing, and no secret", async () => {
  const things = await Things.open({ store, ...outside });
  const { thing, token } = await things.create({
    name: "td",
    title: "A sensor",
    properties: { temperature: { type: "number", unit: "Cel" } },
  });
  const address = { httpUrl: "http://127.0.0.1:8080", mqttUrl: "mqtt://127.0.0.1:1883" };
  const td = thingDescription(thing, address);
  assert.deepEqual((td["@context"] as string[])[0], "https://www.w3.org/2022/wot/td/v1.1");
  assert.match(String(td["id"]), /^urn:uuid:/);
  assert.equal(td["title"], "A sensor");
  const validator = new Validator();
  await validator.read("td", JSON.stringify(td));
  await validator.close();
  const properties = td["properties"] as Record<
    string,
    { unit: string; readOnly: boolean; forms: Record<string, unknown>[] }
  >;
  assert.equal(properties["temperature"]?.unit, "Cel");
  assert.equal(properties["temperature"]?.readOnly, true);
  const [read, observe, poll, follow] = properties["temperature"]?.forms ?? [];
  assert.equal(read?.["href"], "http://127.0.0.1:8080/api/v1/things/td/properties/temperature");
  // WoT MQTT Binding: op to control packet, and the filter in its own term
  assert.deepEqual(observe?.["op"], ["observeproperty", "unobserveproperty"]);
  assert.equal(observe?.["mqv:filter"], "td/temperature");
  assert.equal(observe?.["mqv:controlPacket"], "subscribe");
  assert.equal(observe?.["href"], "mqtt://127.0.0.1:1883/td/temperature");
  assert.deepEqual([poll?.["subprotocol"], follow?.["subprotocol"]], ["longpoll", "sse"]);
  assert.ok(!JSON.stringify(td).includes(token));
});

test("Users - the first start makes one owner and keeps the token before the user", async () => {
  const kept: string[] = [];
  const dying = async (): Promise<void> => {
    throw new Error("the disk is full");
  };
  await assert.rejects(Users.open({ store, ...outside, keepAdminToken: dying }), /disk is full/);
  const first = await Users.open({
    store,
    ...outside,
    keepAdminToken: async (token) => void kept.push(token),
  });
  assert.deepEqual(kept, [first.adminToken]);
  assert.deepEqual(first.users.authenticate(first.adminToken ?? ""), {
    kind: "user",
    id: "admin",
    role: "owner",
  });
  const second = await Users.open({ store, ...outside, keepAdminToken: dying });
  assert.equal(second.adminToken, undefined);
  assert.ok(second.users.authenticate(first.adminToken ?? ""));
});

test("Users - a removed user's token is good no more, and the last owner stays", async () => {
  const { users } = await Users.open({ store, ...outside, keepAdminToken });
  const { token } = await users.create("ada", "viewer");
  const closed: string[] = [];
  users.onClosed((user) => closed.push(user.id));
  assert.ok(users.authenticate(token));
  await users.remove("ada");
  assert.equal(users.authenticate(token), undefined);
  assert.deepEqual(closed, ["ada"]);
  await assert.rejects(users.remove("admin"), { code: "FORBIDDEN" });
  await assert.rejects(users.create("Ada L", "viewer"), { code: "BODY_INVALID" });
});

test("credentials - a bearer and an MQTT login name the same Thing or user", async () => {
  const things = await Things.open({ store, ...outside });
  const { users } = await Users.open({ store, ...outside, keepAdminToken });
  const keys = await AppKeys.open({ store, ...outside });
  const directories = { things, users, keys };
  const thing = await things.create({ name: "door" });
  const user = await users.create("grace", "operator");
  const door = principalOfBearer(`Bearer door:${thing.token}`, directories);
  assert.equal(door?.kind, "thing");
  assert.deepEqual(principalOfCredentials("door", thing.token, directories), door);
  const grace = principalOfBearer(`bearer ${user.token}`, directories);
  assert.deepEqual(grace, { kind: "user", id: "grace", role: "operator" });
  assert.deepEqual(principalOfCredentials("grace", user.token, directories), grace);
  assert.deepEqual(principalOfCredentials("token", user.token, directories), grace);
  assert.equal(principalOfCredentials("ada", user.token, directories), undefined);
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  assert.deepEqual(principalOfBearer(basic(`door:${thing.token}`), directories), door);
  assert.deepEqual(principalOfBearer(basic(`token:${user.token}`), directories), grace);
  assert.equal(principalOfBearer(basic(`ada:${user.token}`), directories), undefined);
  for (const header of [undefined, "", "Bearer ", `Basic ${user.token}`, "Bearer door:x"]) {
    assert.equal(principalOfBearer(header, directories), undefined);
  }
});

test("AuditTrail - an act is on record before it begins, with how it ended", async () => {
  const audit = await AuditTrail.open(store, systemClock);
  const during: string[] = [];
  await audit.around("owner admin", "thing.add", "bus-7", async () => {
    const [entry] = (await audit.list()).slice(-1);
    during.push(entry?.outcome ?? "");
  });
  const things = await Things.open({ store, ...outside });
  const failing = audit.around("owner admin", "thing.remove", "x", () => things.remove("x"));
  await assert.rejects(failing, { code: "NOT_FOUND" });
  await audit.refused("viewer ada", "thing.add", "/api/v1/things", "FORBIDDEN");
  assert.deepEqual(during, ["begun"]);
  const again = await AuditTrail.open(store, systemClock);
  await again.refused("a stranger", "user.add", "/api/v1/users", "UNAUTHENTICATED");
  const entries = await again.list();
  assert.deepEqual(
    entries.map((entry) => `${entry.act} ${entry.outcome}`),
    [
      "thing.add done",
      "thing.remove refused: NOT_FOUND",
      "thing.add refused: FORBIDDEN",
      "user.add refused: UNAUTHENTICATED",
    ],
  );
  const rest = await again.list({ after: entries[2]?.id, limit: 5 });
  assert.deepEqual(rest, entries.slice(3));
});

/**
 * OCPP's central system (CSMS): chargers connect by WebSocket at `/sectors/energy/ocpp/<name>`.
 *
 * In come upgrades with the name and token of a Thing (Security Profile 1: HTTP Basic, the name is
 * the last part of the path), then calls of OCPP 1.6 or 2.0.1, each checked against its schema. Out
 * go messages under the Thing's topic: station, meters, transactions. The library speaks the wire
 * and is loaded with the first charger; who may connect, how often and how much is decided here.
 * Everything a charger says counts as its own word; nothing it says reaches another's topic.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { RPCServer } from "ocpp-rpc";
import { problemOf } from "../../../kernel/errors.ts";
import type { JsonObject } from "../../../kernel/json-object.ts";
import { refuseUpgrade } from "../../../kernel/refuse-upgrade.ts";
import { TokenBucket } from "../../../kernel/token-bucket.ts";
import type { Principal } from "../../../things/access.ts";
import type { SectorDoor } from "../../sector.ts";
import type { Calls, Desk } from "./calls.ts";
import { calls16 } from "./calls-1-6.ts";
import { calls201 } from "./calls-2-0-1.ts";
import { Charger, type Protocol } from "./charger.ts";
import type { IdTags } from "./id-tags.ts";
import type { Passwords } from "./passwords.ts";
import type { Transactions } from "./transactions.ts";

export interface CentralLimits {
  readonly chargersMax: number;
  readonly messageBytesMax: number;
  readonly messagesPerMinuteMax: number;
  readonly badMessagesMax: number;
  /** Of one charger. */
  readonly connectsPerMinuteMax: number;
  readonly callTimeoutMs: number;
}

export const centralLimits: CentralLimits = {
  chargersMax: 1000,
  messageBytesMax: 131_072,
  messagesPerMinuteMax: 600,
  badMessagesMax: 10,
  connectsPerMinuteMax: 6,
  callTimeoutMs: 20_000,
};

export interface CentralRooms {
  readonly idTags: IdTags;
  readonly transactions: Transactions;
  readonly passwords: Passwords;
  readonly limits: CentralLimits;
}

/** What is used of the library's client, whose own type it does not export. */
interface Client {
  readonly identity?: string;
  readonly protocol?: string;
  handle(method: string, handler: (call: { params: never }) => Promise<object>): void;
  call(method: string, params: object): Promise<unknown>;
  close(how: { code: number; reason: string; force?: boolean }): Promise<unknown>;
  on(event: string, listener: (told: never) => void): unknown;
}

type Upgrade = RPCServer["handleUpgrade"];

/** A charger with what its connections may. */
interface Known {
  readonly charger: Charger;
  readonly connects: TokenBucket;
  client: Client | undefined;
  toldAt: number;
}

const protocols: readonly Protocol[] = ["ocpp2.0.1", "ocpp1.6"];
const pathForm = /^\/sectors\/energy\/ocpp\/([a-z0-9-]{1,64})(?:\?.*)?$/;
const heartbeatSeconds = 300;
const toldEveryMs = 60_000;
const farewellMs = 1000;
/** A charger that is not connected is remembered for its faults and its last word. */
const knownMax = 2000;

export class CentralSystem {
  readonly #door: SectorDoor;
  readonly #rooms: CentralRooms;
  /** The longest unconnected first. */
  readonly #known = new Map<string, Known>();
  readonly #listeners = new Set<(charger: Charger) => void>();
  readonly #desk: Desk;
  #server: Promise<RPCServer> | undefined;
  #isClosed = false;
  #strangers = 0;
  #strangersToldAt = -Infinity;

  constructor(door: SectorDoor, rooms: CentralRooms) {
    this.#door = door;
    this.#rooms = rooms;
    const currentTime = (): string => new Date(door.clock.now()).toISOString();
    this.#desk = {
      ...{ idTags: rooms.idTags, transactions: rooms.transactions, currentTime },
      bootAnswer: () => ({ currentTime: currentTime(), interval: heartbeatSeconds }),
      note: (charger, text) => this.#tell(this.#known.get(charger.id), text),
    };
  }

  *chargers(): Iterable<Charger> {
    for (const { charger } of this.#known.values()) yield charger;
  }

  get(id: string): Charger | undefined {
    return this.#known.get(id)?.charger;
  }

  /** Told when a charger has said its first word on a connection. */
  onReady(listener: (charger: Charger) => void): void {
    this.#listeners.add(listener);
  }

  /** Its Thing is gone, or has another token. */
  withdraw(id: string): void {
    void this.#known.get(id)?.client?.close({ code: 1008, reason: "its credential was withdrawn" });
    if (this.#door.thing(id) === undefined) this.#known.delete(id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const charger of this.chargers()) charger.isReady = false;
    const server = await this.#server?.catch(() => undefined);
    await server?.close({ code: 1001, reason: "the node goes down" });
  }

  /** An upgrade request under `/sectors/energy/`. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    // the library decodes the path itself, and would throw on what is no name
    const id = pathForm.exec(request.url ?? "")?.[1];
    if (id === undefined) return refuseUpgrade(socket, 404);
    const principal = this.#principalOf(id, request.headers.authorization);
    if (principal === undefined) {
      this.#strange(id);
      const refuse = (status: number, headers: string[]): void =>
        refuseUpgrade(socket, status, { headers });
      void this.#door.slowDown(request.socket.remoteAddress ?? "", id).then(
        () => refuse(401, ['www-authenticate: Basic realm="OCPP"']),
        () => refuse(429, ["retry-after: 2"]),
      );
      return;
    }
    const topic = topicOf(principal);
    if (topic === undefined) return refuseUpgrade(socket, 403);
    const known = this.#knownOf(id, topic, principal);
    if (!known.connects.tryTake(1)) {
      known.charger.fault({ code: "reconnects", text: "it connects again and again" });
      this.#tell(known, "connects again and again, and is kept waiting");
      const seconds = Math.ceil(60 / this.#rooms.limits.connectsPerMinuteMax);
      return refuseUpgrade(socket, 429, { headers: [`retry-after: ${seconds}`] });
    }
    const online = [...this.#known.values()].filter(({ client }) => client !== undefined).length;
    if (known.client === undefined && online >= this.#rooms.limits.chargersMax) {
      known.charger.fault({ code: "chargers", text: "too many are connected" });
      return refuseUpgrade(socket, 503, { headers: ["retry-after: 60"] });
    }
    this.#server ??= this.#openServer();
    this.#server.then(
      (server) =>
        this.#isClosed
          ? refuseUpgrade(socket, 503)
          : server.handleUpgrade(request, socket as Parameters<Upgrade>[1], head),
      (thrown: unknown) => {
        this.#door.tell("ocpp", `OCPP cannot be spoken: ${problemOf(thrown)}`);
        refuseUpgrade(socket, 500);
      },
    );
  }

  #principalOf(id: string, authorization: string | undefined): Principal | undefined {
    const [, encoded = ""] = /^Basic +([A-Za-z0-9+/=]{1,600})$/i.exec(authorization ?? "") ?? [];
    const text = Buffer.from(encoded, "base64").toString();
    // Security Profile 1: the user name is the charger's identity, as in the path
    if (!text.startsWith(`${id}:`)) return undefined;
    const password = text.slice(id.length + 1);
    if (this.#rooms.passwords.fits(id, password)) return this.#door.thing(id)?.principal;
    const principal = this.#door.authenticate(id, password);
    return principal?.kind === "thing" && principal.id === id ? principal : undefined;
  }

  #knownOf(id: string, topic: string, principal: Principal): Known {
    const before = this.#known.get(id);
    if (before) {
      before.charger.allow(topic, principal);
      return before;
    }
    if (this.#known.size >= knownMax) {
      const gone = [...this.#known].find(([, { client }]) => client === undefined);
      if (gone) this.#known.delete(gone[0]);
    }
    const perSecond = this.#rooms.limits.connectsPerMinuteMax / 60;
    const known: Known = {
      charger: new Charger({ id, topic, principal }, this.#door),
      connects: new TokenBucket(perSecond, 60, this.#door.clock),
      ...{ client: undefined, toldAt: -Infinity },
    };
    this.#known.set(id, known);
    return known;
  }

  /** What takes time and memory to load comes with the first charger. */
  async #openServer(): Promise<RPCServer> {
    const { RPCServer } = await import("ocpp-rpc");
    const { messageBytesMax, badMessagesMax, callTimeoutMs } = this.#rooms.limits;
    const wssOptions = { maxPayload: messageBytesMax, closeTimeout: farewellMs };
    const server = new RPCServer({
      ...{ protocols: [...protocols], strictMode: true, wssOptions, callTimeoutMs },
      maxBadMessages: badMessagesMax,
    });
    server.on("client", (client: Client) => this.#connected(client));
    server.on("error", (error: Error) => this.#door.tell("ocpp", problemOf(error)));
    return server;
  }

  #connected(client: Client): void {
    const known = this.#known.get(client.identity ?? "");
    const protocol = protocols.find((one) => one === client.protocol);
    if (known === undefined || protocol === undefined) {
      // OCPP-J 1.6 §3.2: the handshake is completed without a subprotocol, then it is closed
      known?.charger.fault({ code: "protocol", text: "it speaks neither OCPP 1.6 nor 2.0.1" });
      return void client.close({ code: 1002, reason: "ocpp1.6 or ocpp2.0.1" });
    }
    const { charger, client: before } = known;
    known.client = client;
    this.#known.delete(charger.id); // back in as the youngest
    this.#known.set(charger.id, known);
    // the newest counts: the older one is most often a connection that broke unseen
    if (before) void before.close({ code: 1008, reason: "a newer connection took over" });
    charger.isReady = false;
    charger.line = {
      protocol,
      call: async (method, params) => (await client.call(method, params)) as JsonObject,
    };
    this.#listen(known, client);
    const calls = (protocol === "ocpp1.6" ? calls16 : calls201)(charger, this.#desk);
    this.#answer(charger, client, calls);
    charger.tellStation().catch(() => undefined); // counted where it failed
  }

  #listen(known: Known, client: Client): void {
    const { charger } = known;
    const { messagesPerMinuteMax } = this.#rooms.limits;
    const messages = new TokenBucket(messagesPerMinuteMax / 60, 60, this.#door.clock);
    client.on("message", ({ outbound }: { outbound: boolean }) => {
      if (outbound || messages.tryTake(1)) return;
      charger.fault({ code: "rate", text: `more than ${messagesPerMinuteMax} messages a minute` });
      this.#tell(known, "sends too much and was disconnected");
      void client.close({ code: 1008, reason: "too many messages", force: true });
    });
    client.on("badMessage", ({ error }: { error: unknown }) => {
      charger.fault({ code: "message", text: problemOf(error) });
    });
    client.on("socketError", (error: Error) => {
      charger.fault({ code: "message", text: problemOf(error) });
    });
    client.on("callError", (failed: { outbound: boolean; method: string; error: RpcError }) => {
      if (failed.outbound) return;
      const { rpcErrorCode = "GenericError", message } = failed.error;
      const code = rpcErrorCode === "NotImplemented" ? "call" : "schema";
      if (rpcErrorCode !== "InternalError") {
        charger.fault({ code, text: `${failed.method}: ${message || rpcErrorCode}` });
      }
    });
    client.on("close", () => {
      if (known.client !== client) return;
      known.client = undefined;
      charger.line = undefined;
      charger.isReady = false;
      if (!this.#isClosed) charger.tellStation().catch(() => undefined); // counted where it failed
    });
  }

  #answer(charger: Charger, client: Client, calls: Calls): void {
    let isReady = false;
    for (const [method, answer] of Object.entries(calls)) {
      client.handle(method, async ({ params }) => {
        charger.lastSeenAt = this.#door.clock.now();
        try {
          return await answer(params);
        } catch (thrown) {
          charger.fault({ code: "internal", text: `${method}: ${problemOf(thrown)}` });
          const { createRPCError } = await import("ocpp-rpc");
          throw createRPCError("InternalError", "The node could not take it.", {});
        } finally {
          // OCPP 1.6 §4.2: nothing is asked of a charger before its boot is answered
          if (!isReady) setImmediate(() => this.#ready(charger, client));
          isReady = true;
        }
      });
    }
  }

  #ready(charger: Charger, client: Client): void {
    if (this.#known.get(charger.id)?.client !== client) return;
    charger.isReady = true;
    for (const listener of this.#listeners) listener(charger);
  }

  #tell(known: Known | undefined, text: string): void {
    const now = this.#door.clock.monotonic();
    if (known === undefined || now - known.toldAt < toldEveryMs) return;
    known.toldAt = now;
    this.#door.tell("ocpp", `Charger ${known.charger.id} ${text}`);
  }

  #strange(id: string): void {
    this.#strangers++;
    const now = this.#door.clock.monotonic();
    if (now - this.#strangersToldAt < toldEveryMs) return;
    this.#strangersToldAt = now;
    const more = this.#strangers > 1 ? ` (${this.#strangers} refused since it was last told)` : "";
    this.#door.tell("ocpp", `A charger calls itself ${id} without its token${more}`);
    this.#strangers = 0;
  }
}

interface RpcError extends Error {
  readonly rpcErrorCode?: string;
}

/** Where its Thing may publish all that is below; undefined: nowhere. */
function topicOf(principal: Principal): string | undefined {
  if (principal.kind !== "thing") return undefined;
  const filter = principal.publish.find((one) => /^[^+#]+\/#$/.test(one));
  return filter?.slice(0, -"/#".length);
}

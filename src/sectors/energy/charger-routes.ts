import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { type TProperties, Type } from "typebox";
import { ComityError } from "../../kernel/errors.ts";
import type { Audited } from "../sector.ts";
import type { CentralSystem } from "./ocpp/central-system.ts";
import type { Charger, ChargerState } from "./ocpp/charger.ts";
import { ask, type Command, requestOf } from "./ocpp/commands.ts";
import type { IdTags } from "./ocpp/id-tags.ts";
import type { Limits } from "./ocpp/limits.ts";
import type { Passwords } from "./ocpp/passwords.ts";
import type { Transactions } from "./ocpp/transactions.ts";

export interface ChargingRooms {
  readonly central: CentralSystem;
  readonly idTags: IdTags;
  readonly transactions: Transactions;
  readonly passwords: Passwords;
  readonly limits: Limits;
  readonly now: () => number;
}

const strict = { additionalProperties: false };
const body = <T extends TProperties>(members: T) => Type.Object(members, strict);
const Params = Type.Object({ id: Type.String({ pattern: "^[a-z0-9-]{1,64}$" }) });
const Evse = Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 }));
const Tag = Type.String({ minLength: 1, maxLength: 36, pattern: "^[!-~]+$" });
const Limit = body({
  watts: Type.Union([Type.Number({ minimum: 0, maximum: 10_000_000 }), Type.Null()]),
  seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
});
/** What both versions of OCPP have. */
const messages = [
  ...["BootNotification", "Heartbeat", "MeterValues", "StatusNotification"],
  "FirmwareStatusNotification",
];

/** Chargers over the API: how they stand, and what they are asked to do. */
export function chargerRoutes(
  scope: FastifyInstance,
  rooms: ChargingRooms,
  audited: Audited,
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { central, idTags, limits, passwords, now } = rooms;
  app.get(
    "/chargers",
    { config: { access: "viewer" }, schema: { summary: "Chargers that connected, by OCPP" } },
    async () => {
      const states = [...central.chargers()].map((charger) => stateOf(charger, rooms));
      return states.sort((a, b) => (a.id < b.id ? -1 : 1));
    },
  );
  app.post(
    "/chargers/:id/limit",
    {
      config: { access: "operator", act: "charger.limit" },
      schema: {
        summary: "The most it may take, in W; null: all it can. Set when it connects at the latest",
        ...{ params: Params, body: Limit },
      },
    },
    async (request) => {
      const { watts, seconds } = request.body;
      const { id } = request.params;
      const from = now();
      const until = seconds !== undefined && { until: from + seconds * 1000 };
      const limit = watts === null ? undefined : { from, watts, ...until };
      const what = `${id} ${watts === null ? "none" : `${watts} W`}`;
      const outcome = await audited(request, what, () => limits.limit(id, limit));
      return { charger: id, outcome };
    },
  );

  app.post(
    "/chargers/:id/password",
    {
      config: { access: "operator", act: "charger.password" },
      schema: {
        summary: "A password in OCPP's length for the Thing of that name, told once",
        params: Params,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const password = await audited(request, id, () => passwords.make(id));
      central.withdraw(id);
      return reply.code(201).send({ charger: id, password });
    },
  );

  const command = (
    name: Command["name"],
    members: TProperties,
    summary: string,
    commandOf: (asked: Record<string, unknown>) => Command,
  ): void => {
    app.post(
      `/chargers/:id/${name}`,
      {
        config: { access: "operator", act: `charger.${name}` },
        schema: { summary, params: Params, body: body(members) },
      },
      async (request) => {
        const { id } = request.params;
        const asked = request.body as Record<string, unknown>;
        return audited(request, id, async () => {
          const line = lineOf(central.get(id), id);
          const serial = Math.floor(now() / 1000) % 2 ** 31;
          const answer = await ask(id, line, requestOf(line.protocol, commandOf(asked), serial));
          return { charger: id, ...answer };
        });
      },
    );
  };
  command("reset", { hard: Type.Optional(Type.Boolean()) }, "Boot it anew", (asked) => {
    return { name: "reset", hard: asked["hard"] === true };
  });
  const Message = Type.Union(messages.map((one) => Type.Literal(one)));
  command("trigger", { message: Message }, "Have it say something now", (asked) => {
    return { name: "trigger", message: asked["message"] as string };
  });
  const availability = { operative: Type.Boolean(), evse: Evse };
  command("availability", availability, "Take it, or one EVSE, out of use or back", (asked) => {
    return { name: "availability", ...(asked as { operative: boolean; evse?: number }) };
  });
  command("start", { tag: Tag, evse: Evse }, "Begin to charge for a tag", (asked) => {
    return { name: "start", ...(asked as { tag: string; evse?: number }) };
  });
  const transaction = Type.String({ minLength: 1, maxLength: 36 });
  command("stop", { transaction }, "End a transaction", (asked) => {
    return { name: "stop", transaction: asked["transaction"] as string };
  });

  app.get(
    "/id-tags",
    { config: { access: "operator" }, schema: { summary: "Who may charge; * is anybody" } },
    async () => idTags.list(),
  );
  app.post(
    "/id-tags",
    {
      config: { access: "operator", act: "id-tag.add" },
      schema: { summary: "Let a tag charge", body: body({ tag: Tag }) },
    },
    async (request, reply) => {
      const { tag } = request.body;
      // a tag opens chargers: the audit trail says that, not which
      await audited(request, "a tag", () => idTags.add(tag));
      return reply.code(204).send(null);
    },
  );
  app.delete(
    "/id-tags/:tag",
    {
      config: { access: "operator", act: "id-tag.remove" },
      schema: { summary: "Let it charge no more", params: Type.Object({ tag: Tag }) },
    },
    async (request, reply) => {
      await audited(request, "a tag", () => idTags.remove(request.params.tag));
      return reply.code(204).send(null);
    },
  );
}

function stateOf(charger: Charger, { limits, transactions }: ChargingRooms): ChargerState {
  const limitW = limits.wattsOf(charger.id);
  return {
    ...charger.state,
    transactions: transactions.of(charger.id),
    ...(limitW !== undefined && { limitW, limit: limits.outcomeOf(charger.id) }),
  };
}

/** NOT_FOUND where it was never here, CHARGER_OFFLINE while it is not connected. */
function lineOf(charger: Charger | undefined, id: string) {
  if (charger === undefined) throw new ComityError("NOT_FOUND", { what: "charger", id });
  if (charger.line === undefined) throw new ComityError("CHARGER_OFFLINE", { charger: id });
  return charger.line;
}

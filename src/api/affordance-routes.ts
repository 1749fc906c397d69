import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { ComityError } from "../kernel/errors.ts";
import { objectAt } from "../kernel/json-object.ts";
import { mayPublish, maySubscribe, nameOfPrincipal } from "../things/access.ts";
import type { Thing } from "../things/directory.ts";
import { propertiesOf, topicOf, writeTopicOf } from "../things/wot/thing-description.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiLimits } from "./limits.ts";
import { allow, callerOf } from "./guard.ts";
import { answer } from "./schemas.ts";
import type { StreamClients } from "./stream-clients.ts";
import { needThing } from "./thing-routes.ts";

const longPollsMax = 1_000;

const Affordance = Type.Object({
  id: Type.String({ maxLength: 64 }),
  name: Type.String({ maxLength: 1024 }),
});

/** What the forms of a Thing Description point to: values read, followed, written; actions. */
export function affordanceRoutes(
  scope: FastifyInstance,
  deps: ApiDeps,
  clients: StreamClients,
  limits: ApiLimits,
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  // a value is bytes of the property's own content type
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });

  app.get(
    "/things/:id/properties/:name",
    {
      config: allow("known"),
      schema: {
        summary: "A property's last value; as an event stream each value as it comes",
        params: Affordance,
        response: { 200: answer<unknown>("The value as the Thing sent it.") },
      },
    },
    async (request, reply) => {
      const thing = needThing(deps.things, request.params.id);
      const { name } = request.params;
      if (!Object.hasOwn(propertiesOf(thing), name)) throw missing("property", name);
      const topic = topicOf(thing, name);
      needSubscribe(request, topic);
      if (wantsEvents(request)) return follow(request, reply, topic);
      const last = deps.wot.readings.last(thing, name);
      if (last === undefined) throw new ComityError("VALUE_ABSENT", { id: thing.id, name });
      return reply
        .type("application/json")
        .header("last-modified", new Date(last.at).toUTCString())
        .serializer((bytes: unknown) => bytes as never)
        .send(last.payload);
    },
  );

  app.put(
    "/things/:id/properties/:name",
    {
      config: allow("known"),
      bodyLimit: limits.bodyBytesMax,
      schema: {
        summary: "Sends the Thing a new value for a property that can be written",
        params: Affordance,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const thing = needThing(deps.things, request.params.id);
      const { name } = request.params;
      const property = propertiesOf(thing)[name];
      if (property === undefined) throw missing("property", name);
      if (thing.td === undefined || property["readOnly"] === true) {
        const who = nameOfPrincipal(callerOf(request));
        throw new ComityError("FORBIDDEN", { who, act: `write ${name}, which is read-only` });
      }
      return send(request, reply, writeTopicOf(thing, name));
    },
  );

  app.post(
    "/things/:id/actions/:name",
    {
      config: allow("known"),
      bodyLimit: limits.bodyBytesMax,
      schema: {
        summary: "Tells the Thing to act; what it does then is its own",
        params: Affordance,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const thing = needThing(deps.things, request.params.id);
      return send(request, reply, topicOf(thing, described(thing, "actions", request.params.name)));
    },
  );

  app.get(
    "/things/:id/events/:name",
    {
      config: allow("known"),
      schema: { summary: "A Thing's event as Server-Sent Events", params: Affordance },
    },
    async (request, reply) => {
      const thing = needThing(deps.things, request.params.id);
      const topic = topicOf(thing, described(thing, "events", request.params.name));
      needSubscribe(request, topic);
      return follow(request, reply, topic);
    },
  );

  for (const kind of ["properties", "events"] as const) {
    const schema = { summary: "The next value, when it comes", params: Affordance };
    const topicIn = (request: FastifyRequest): string => {
      const { id, name } = request.params as Static<typeof Affordance>;
      const thing = needThing(deps.things, id);
      if (kind === "properties" && !Object.hasOwn(propertiesOf(thing), name)) {
        throw missing("property", name);
      }
      const topic = topicOf(thing, kind === "events" ? described(thing, kind, name) : name);
      needSubscribe(request, topic);
      return topic;
    };
    const url = `/things/:id/${kind}/:name/next`;
    app.head(url, { config: allow("known"), schema }, async (request, reply) => {
      topicIn(request);
      return reply.type("application/json").send();
    });
    app.get(
      url,
      { config: allow("known"), schema, exposeHeadRoute: false },
      async (request, reply) => {
        const payload = await next(request, topicIn(request));
        return reply
          .type("application/json")
          .serializer((bytes: unknown) => bytes as never)
          .send(payload);
      },
    );
  }

  let waiting = 0;

  /** Long polling: one answer, one value; what comes while nobody asks is not kept for it. */
  async function next(request: FastifyRequest, topic: string): Promise<Buffer> {
    if (waiting >= longPollsMax) {
      throw new ComityError("LIMIT_REACHED", { limit: longPollsMax, what: "long polls" });
    }
    waiting++;
    let end = (): void => {};
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        request.raw.socket.once("close", () => reject(missing("client any more for", topic)));
        // what is retained came before it was asked for
        end = deps.streams.subscribe(callerOf(request), topic, ({ payload, retain }) => {
          if (!retain) resolve(Buffer.from(payload));
        });
      });
    } finally {
      waiting--;
      end();
    }
  }

  /** Each event's data is one value as the Thing sent it, on one line. */
  function follow(request: FastifyRequest, reply: FastifyReply, topic: string): FastifyReply {
    let end = (): void => {};
    const client = clients.open(reply, () => end(), callerOf(request));
    end = deps.streams.subscribe(callerOf(request), topic, ({ payload }) => {
      client.send("message", oneLine(Buffer.from(payload).toString("utf8")));
    });
    return reply;
  }

  async function send(request: FastifyRequest, reply: FastifyReply, topic: string) {
    const caller = callerOf(request);
    if (!mayPublish(caller, topic)) {
      throw new ComityError("FORBIDDEN", {
        who: nameOfPrincipal(caller),
        act: `publish to ${topic}`,
      });
    }
    const payload = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    await deps.streams.publish(caller, { topic, payload, qos: 1, retain: false });
    return reply.code(204).send(null);
  }
}

function needSubscribe(request: FastifyRequest, topic: string): void {
  const caller = callerOf(request);
  if (maySubscribe(caller, topic)) return;
  const who = nameOfPrincipal(caller);
  throw new ComityError("FORBIDDEN", { who, act: `subscribe to ${topic}` });
}

function described(thing: Thing, kind: "actions" | "events", name: string): string {
  if (Object.hasOwn(objectAt(thing.td?.[kind]), name)) return name;
  throw missing(kind.slice(0, -1), name);
}

function missing(what: string, id: string): ComityError {
  return new ComityError("NOT_FOUND", { what, id });
}

function wantsEvents({ headers: { accept } }: FastifyRequest): boolean {
  return accept?.includes("text/event-stream") === true;
}

/** A line's end in JSON is white space; in an event it would be its end (HTML §9.2.5). */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}

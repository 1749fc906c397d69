import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { TdDirectory } from "../things/wot/td-directory.ts";
import { type TdEvent, tdEventTypes } from "../things/wot/td-events.ts";
import { allow, callerOf } from "./guard.ts";
import type { StreamClients } from "./stream-clients.ts";

const Diff = Type.Object({
  diff: Type.Optional(Type.Union([Type.Literal("true"), Type.Literal("false")])),
});
const type = Type.Union(tdEventTypes.map((one) => Type.Literal(one)));
const hide = true;

/** The Notification API (WoT Discovery §7.2.3): Server-Sent Events, replayed by Last-Event-ID. */
export function tdEventRoutes(
  scope: FastifyInstance,
  directory: TdDirectory,
  clients: StreamClients,
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  for (const { url, params } of [
    { url: "/events", params: Type.Object({}) },
    { url: "/events/:type", params: Type.Object({ type }) },
  ]) {
    const schema = { hide, params, querystring: Diff };
    // a HEAD tells what a GET would be, and follows nothing
    app.head(url, { config: allow("viewer"), schema }, async (_request, reply) => {
      return reply.type("text/event-stream; charset=utf-8").send();
    });
    app.get(
      url,
      { config: allow("viewer"), schema, exposeHeadRoute: false },
      async (request, reply) => {
        const events = await directory.events();
        const isDiff = request.query.diff === "true";
        const only = (request.params as { type?: TdEvent["type"] }).type;
        const lastId = request.headers["last-event-id"];
        const known =
          typeof lastId === "string" && /^\d{1,15}$/.test(lastId) ? Number(lastId) : undefined;

        let end = (): void => {};
        let sent = known ?? events.last;
        let isReplaying = true;
        const client = clients.open(reply, () => end(), callerOf(request));
        const tell = async (event: TdEvent): Promise<void> => {
          if (event.number <= sent) return;
          sent = event.number;
          if (only !== undefined && event.type !== only) return;
          const data = JSON.stringify(await dataOf(event, isDiff, directory));
          client.sendOrEnd(event.type, data, String(event.number));
        };
        // one after the other: what is told with a Description is read first
        let last: Promise<void> = Promise.resolve();
        end = events.listen((event) => {
          if (!isReplaying) last = last.then(() => tell(event));
        });
        for (let before = -1; before !== sent;) {
          before = sent;
          for await (const event of events.after(sent)) await tell(event);
        }
        isReplaying = false;
        return reply;
      },
    );
  }
}

/** At least the id; with `diff` the whole of what was made, and the merge patch of an update. */
async function dataOf(event: TdEvent, isDiff: boolean, directory: TdDirectory): Promise<object> {
  const { id, type: what, patch } = event;
  if (!isDiff || what === "thing_deleted") return { id };
  if (what === "thing_updated") return { ...patch, id };
  // as it is now: whoever follows is told of what came after
  return (await directory.get(id)) ?? { id };
}

import type { ComityHttp } from "../client/http.ts";
import type { AgreementResource } from "../client/resources.ts";
import type { TermsResource } from "../client/terms.ts";
import type { NewThing, ThingResource } from "../client/thing-resource.ts";
import { ComityError } from "../kernel/errors.ts";
import type { AgreementConfig, NodeConfig, WorldConfig } from "./config.ts";
import type { Device } from "./devices/device.ts";
import type { NodeState } from "./state.ts";

/** Things of a node besides its devices: its application, and who looks in from outside. */
export const deskName = "desk";
const visitorName = "visitor";

/** All Things a node needs, as its API wants them. */
export function thingsOf(devices: readonly Device[], actorsOwn: readonly string[]): NewThing[] {
  const things: NewThing[] = devices.map((device) => ({
    name: device.name,
    title: device.title,
    kind: device.kind,
    ...(device.place && { place: device.place }),
    publish: device.publish,
    subscribe: device.obeys ? [device.obeys.filter] : [],
  }));
  const subscribe = [...new Set(["from/#", ...actorsOwn])];
  things.push({
    name: deskName,
    title: "Desk",
    kind: "application",
    publish: ["desk/#"],
    subscribe,
  });
  things.push({
    name: visitorName,
    title: "Visitor",
    kind: "application",
    publish: [],
    subscribe: ["from/#"],
  });
  return things;
}

/** Adds what is missing; what is there is kept with its token, where that is still known. */
export async function addThings(
  http: ComityHttp,
  wanted: readonly NewThing[],
  state: NodeState,
): Promise<void> {
  const there = new Map((await http.things()).map((thing) => [thing.id, thing]));
  for (const thing of wanted) {
    const found = there.get(thing.name);
    if (found && sameScope(found, thing)) {
      if (state.tokens[thing.name] !== undefined) continue;
      state.tokens[thing.name] = (await http.rotateThing(thing.name)).token;
      continue;
    }
    if (found) await http.removeThing(thing.name);
    state.tokens[thing.name] = (await http.addThing(thing)).token;
  }
}

function sameScope(found: ThingResource, wanted: NewThing): boolean {
  const key = (filters: readonly string[] = []): string => filters.toSorted().join("\n");
  return (
    key(found.publish) === key(wanted.publish) && key(found.subscribe) === key(wanted.subscribe)
  );
}

/** What reads the devices' native formats, and what is told of the streams; before any of them. */
export async function addSectorWork(http: ComityHttp, node: NodeConfig): Promise<void> {
  const read = new Set((await http.sources()).map(({ topic }) => topic));
  for (const { kind, from, topic } of node.sources) {
    if (read.has(topic)) continue;
    await http.addSource({ kind, from: { way: "topic", address: from }, topic });
  }
  const told = new Set((await http.indicators()).map(({ id }) => id));
  for (const { kind, filters } of node.indicators) {
    if (!told.has(kind)) await http.addIndicator({ kind, filters });
  }
}

/** From the sectors' templates: what the file says of a product wins over them. */
export async function addProducts(http: ComityHttp, node: NodeConfig): Promise<void> {
  const there = new Set((await http.products()).map(({ id }) => id));
  for (const { template, price, fields, purposes, clock: _, ...product } of node.products) {
    if (there.has(product.id)) continue;
    const { name: sector, template: from } = await http.sector(template);
    const terms = {
      ...(fields ? withoutFields(from.terms) : from.terms),
      price: { ...price, currency: node.currency },
      ...(fields && { fields }),
      ...(purposes && { purposes }),
    };
    await http.addProduct({ ...from.product, ...product, sector, place: node.place, terms });
  }
}

/** A list of what passes stands for itself: what the template does to fields it may not name. */
function withoutFields(terms: Partial<TermsResource>): Partial<TermsResource> {
  const { drop: _drop, round: _round, pseudonymise: _pseudonymise, ...more } = terms;
  const { shift: _shift, shiftBy: _shiftBy, ...others } = more;
  return others;
}

/** The running agreement of an earlier start, or a new one, negotiated by the consumer's node. */
export async function agreeOn(
  agreement: AgreementConfig,
  world: WorldConfig,
  consumer: ComityHttp,
  provider: string,
): Promise<AgreementResource & { readonly resumed: boolean }> {
  const running = (await consumer.agreements()).find(
    (one) =>
      one.role === "consumer" &&
      one.state === "active" &&
      one.provider === provider &&
      one.product === agreement.product,
  );
  if (running) return { ...running, resumed: true };
  const seller = world.nodes.find(({ name }) => name === agreement.provider);
  const title = seller?.products.find(({ id }) => id === agreement.product)?.title ?? "";
  const offers = await consumer.find(title);
  const offer = offers.find(
    (one) => one.provider === provider && one.product === agreement.product,
  );
  if (!offer) {
    throw new ComityError("NOT_FOUND", { what: "offer of product", id: agreement.product });
  }
  return { ...(await consumer.agree(offer.offer, provider)), resumed: false };
}

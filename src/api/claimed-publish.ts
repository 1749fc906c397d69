import { ComityError } from "../kernel/errors.ts";
import { mayPublish, nameOfPrincipal } from "../things/access.ts";
import type { Claimant, Credentials } from "../things/onboarding/onboarding.ts";
import type { ApiDeps } from "./deps.ts";
import type { MessageToPublish } from "./streams-api.ts";

/** What a device hears that publishes with a claim code. */
export type ClaimedAnswer =
  /** A person has still to decide: the message was looked at and reached no stream. */
  | { readonly state: "pending"; readonly device: string }
  /** It is a Thing, the message was published, and from now it comes with these credentials. */
  | ({ readonly state: "accepted" } & Credentials);

/** One message of a device that comes with a claim code over HTTP. */
export async function publishClaimed(
  { onboarding, streams, things }: ApiDeps,
  claimant: Claimant,
  message: MessageToPublish,
  address: string,
): Promise<ClaimedAnswer> {
  const thing = onboarding.thingOf(claimant);
  const { topic, payload } = message;
  if (thing === undefined) {
    onboarding.sample(claimant, { door: "HTTP", address }, topic, payload);
    return { state: "pending", device: claimant.device };
  }
  if (!mayPublish(thing, topic)) {
    throw new ComityError("FORBIDDEN", {
      who: nameOfPrincipal(thing),
      act: `publish to ${topic}`,
    });
  }
  await streams.publish(thing, message);
  things.noteSeen(thing.id, topic, payload);
  const credentials = await onboarding.credentials(claimant);
  if (credentials !== undefined) return { state: "accepted", ...credentials };
  throw new ComityError("CLAIM_REFUSED", { problem: "it has a token of its own" });
}

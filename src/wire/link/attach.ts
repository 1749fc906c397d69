/**
 * How an agreement is attached to a link: SUBSCRIBE to `$link/<agreement>` with these user
 * properties, and what SUBACK answers. Everything is optional; what is not understood is not there.
 */
import type { Checkpoint } from "../../ports/usage.ts";
import type { Properties } from "../mqtt/properties.ts";
import { type BlockEncoding, blockEncodings, chosenEncoding } from "./block.ts";
import { claimOf, claimProperties } from "./control.ts";

export interface LinkRequest {
  /** The consumer's last committed checkpoint. */
  readonly claimed: Checkpoint | undefined;
  /** The transfer's token, where the connection was let in without one. */
  readonly token: string | undefined;
  readonly encoding: BlockEncoding | undefined;
  readonly bytesPerSecondMax: number | undefined;
}

/** What the provider made of it. */
export interface LinkTerms {
  readonly encoding: BlockEncoding | undefined;
  readonly bytesPerSecondMax: number | undefined;
}

type Pairs = [string, string][];

export function attachProperties(request: Omit<LinkRequest, "encoding">): Properties {
  const { claimed, token, bytesPerSecondMax } = request;
  const pairs: Pairs = [["accept-encoding", blockEncodings.join(", ")]];
  if (token !== undefined) pairs.push(["token", token]);
  if (bytesPerSecondMax !== undefined) pairs.push(["bytes-per-second", String(bytesPerSecondMax)]);
  const claim = claimed === undefined ? [] : (claimProperties(claimed).userProperties ?? []);
  return { userProperties: [...pairs, ...claim] };
}

export function attachRequestOf(properties: Properties): LinkRequest {
  const fields = new Map(properties.userProperties ?? []);
  return {
    claimed: claimOf(properties),
    token: fields.get("token"),
    encoding: chosenEncoding(fields.get("accept-encoding")),
    bytesPerSecondMax: paceOf(fields.get("bytes-per-second")),
  };
}

export function termsProperties({ encoding, bytesPerSecondMax }: LinkTerms): Properties {
  const pairs: Pairs = [];
  if (encoding !== undefined) pairs.push(["content-encoding", encoding]);
  if (bytesPerSecondMax !== undefined) pairs.push(["bytes-per-second", String(bytesPerSecondMax)]);
  return pairs.length === 0 ? {} : { userProperties: pairs };
}

export function termsIn(properties: Properties): LinkTerms {
  const fields = new Map(properties.userProperties ?? []);
  return {
    encoding: chosenEncoding(fields.get("content-encoding")),
    bytesPerSecondMax: paceOf(fields.get("bytes-per-second")),
  };
}

function paceOf(text: string | undefined): number | undefined {
  const pace = Number(text);
  return Number.isSafeInteger(pace) && pace > 0 ? pace : undefined;
}

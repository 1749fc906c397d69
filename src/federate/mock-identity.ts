import { ComityError } from "../kernel/errors.ts";
import type { PeerIdentity, PeerRequest } from "./authenticate.ts";

const headerLengthMax = 4096;

/**
 * The identity that Eclipse EDC's `iam-mock` and the protocol's test kit speak: the Authorization
 * header is JSON that names its sender. It proves nothing, so only listed ids are believed.
 */
export function mockIdentity(
  own: string,
  listed: readonly string[],
): PeerIdentity & { claims(request: PeerRequest): boolean } {
  const claims = ({ headers: { authorization = "" } }: PeerRequest): boolean =>
    authorization.startsWith("{");
  return {
    claims,
    headersFor: async (did) => ({
      authorization: JSON.stringify({ region: "any", audience: did, clientId: own }),
    }),
    async authenticate({ headers: { authorization = "" } }) {
      const id = clientIn(authorization);
      if (id !== undefined && listed.includes(id)) return id;
      const problem = "it names no peer that is listed with the mock identity";
      throw new ComityError("IDENTITY_INVALID", { problem });
    },
  };
}

function clientIn(header: string): string | undefined {
  if (header.length > headerLengthMax) return undefined;
  try {
    const { clientId } = JSON.parse(header) as { clientId?: unknown };
    return typeof clientId === "string" ? clientId : undefined;
  } catch {
    return undefined;
  }
}

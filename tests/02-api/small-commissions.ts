import type { CommissionsApi } from "../../src/api/deps.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { Commissions } from "../../src/market/commission/commissions.ts";
import type { CommissionsOptions } from "../../src/market/commission/commissions.ts";
import { Recognitions } from "../../src/market/commission/recognitions.ts";

/** Vocabularies of a node that reaches no other. */
export async function smallCommissions(options: CommissionsOptions): Promise<CommissionsApi> {
  const documents = await Commissions.open(options);
  return {
    documents,
    recognitions: await Recognitions.open({ ...options, commissions: documents }),
    issuers: {
      recognise: (issuer) =>
        Promise.reject(new ComityError("PEER_UNREACHABLE", { peer: issuer, problem: "gone" })),
      check: async () => {},
    },
    marks: { of: () => undefined, received: () => undefined },
  };
}

import type { ComityHttp } from "../client/http.ts";

/** By the short name under which the node knows it; anything else is taken as a DID. */
export async function didOf(node: ComityHttp, partner: string): Promise<string> {
  return (await node.peers()).find(({ name }) => name === partner)?.did ?? partner;
}

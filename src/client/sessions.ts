import type { CallerResource } from "./callers.ts";

/** A link that opens a node's console once. */
export interface SignInLink {
  /** On the node, its secret after the `#`. */
  readonly path: string;
  /** ISO 8601, UTC. */
  readonly until: string;
}

/** Who a browser is signed in as. */
export interface SessionResource {
  /** Absent: nobody. */
  readonly caller?: CallerResource;
}

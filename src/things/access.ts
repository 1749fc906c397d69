import { covers, matches } from "../kernel/topic.ts";

/** Each role may do all that the ones before it may. */
export const roles = ["viewer", "operator", "trader", "owner"] as const;
export type Role = (typeof roles)[number];

/** Its own topics, as filters, and nothing else. */
interface Scoped {
  readonly id: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Which of its tokens it came with; absent: it was let in otherwise. */
  readonly turn?: number;
}

/** Who is calling, after authentication. */
export type Principal =
  | (Scoped & { readonly kind: "thing" })
  /** An app of this organisation with a key of its own. */
  | (Scoped & {
      readonly kind: "app";
      /** Milliseconds since the Unix epoch at which its credential ends. */
      readonly until?: number;
    })
  | {
      readonly kind: "user";
      readonly id: string;
      readonly role: Role;
      /** The browser's session it came with; absent: with its token. */
      readonly session?: string;
    }
  /** Another organisation, let in by one agreement's token; its grant decides, not this file. */
  | { readonly kind: "participant"; readonly did: string; readonly agreement: string }
  /** Another organisation's node as itself; each of its agreements is attached with its token. */
  | { readonly kind: "peer"; readonly did: string }
  /** A device that knows a claim code and nothing else; `device` is what it calls itself. */
  | { readonly kind: "claimant"; readonly claim: string; readonly device: string }
  /** Only on a node started with --dev, only on loopback. */
  | { readonly kind: "anonymous" };

export function hasRole(principal: Principal, role: Role): boolean {
  if (principal.kind === "anonymous") return roles.indexOf(role) <= roles.indexOf("operator");
  return principal.kind === "user" && roles.indexOf(principal.role) >= roles.indexOf(role);
}

/** `$…` topics are the node's own and `from/…` is written by links alone. */
export function mayPublish(principal: Principal, topic: string): boolean {
  if (topic.startsWith("$") || topic.startsWith("from/")) return false;
  if (isScoped(principal)) return principal.publish.some((filter) => matches(filter, topic));
  return hasRole(principal, "operator");
}

export function maySubscribe(principal: Principal, filter: string): boolean {
  // What the node tells of itself is for who runs it; a Thing's own filters do not reach it.
  if (filter.startsWith("$SYS/")) return hasRole(principal, "operator");
  const meant = filter.replace(birthCertificates, "");
  if (isScoped(principal)) {
    return principal.subscribe.some((own) => covers(own, filter) || covers(own, meant));
  }
  return hasRole(principal, "viewer") && !meant.startsWith("$");
}

/** Its own topics decide, and no role does. */
function isScoped(principal: Principal): principal is Principal & { kind: "thing" | "app" } {
  return principal.kind === "thing" || principal.kind === "app";
}

/** Whoever may read births may read the last ones that are kept of them (Sparkplug 3.0 §10.1.4). */
const birthCertificates = /^\$sparkplug\/certificates\//;

/** A name for the audit trail and for messages. */
export function nameOfPrincipal(principal: Principal): string {
  switch (principal.kind) {
    case "thing":
      return `thing ${principal.id}`;
    case "app":
      return `app ${principal.id}`;
    case "user":
      return `${principal.role} ${principal.id}`;
    case "participant":
    case "peer":
      return principal.did;
    case "claimant":
      return `device ${principal.device} of ${principal.claim}`;
    case "anonymous":
      return "anonymous (--dev)";
  }
}

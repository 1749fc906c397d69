import type { Principal } from "../../things/access.ts";
import { nameOfPrincipal } from "../../things/access.ts";

/** How many of a thing each principal has, so that none of them takes what is everybody's. */
export class Quotas {
  readonly #counts = new Map<string, number>();

  /** False where it has `most` already. */
  take(principal: Principal, most: number): boolean {
    const name = nameOf(principal);
    if (name === undefined) return true;
    const count = this.#counts.get(name) ?? 0;
    if (count >= most) return false;
    this.#counts.set(name, count + 1);
    return true;
  }

  giveBack(principal: Principal): void {
    const name = nameOf(principal);
    if (name === undefined) return;
    const count = this.#counts.get(name) ?? 0;
    if (count > 1) this.#counts.set(name, count - 1);
    else this.#counts.delete(name);
  }
}

/** Undefined: nobody in particular, who is let in for trying and measuring only. */
function nameOf(principal: Principal): string | undefined {
  if (principal.kind === "anonymous") return undefined;
  // An organisation has its share as itself, and under each of its agreements.
  return principal.kind === "participant" ? principal.agreement : nameOfPrincipal(principal);
}

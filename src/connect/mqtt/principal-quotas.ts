import { Quotas } from "../../kernel/quotas.ts";
import { nameOfPrincipal, type Principal } from "../../things/access.ts";

/** How many of a thing each principal has. */
export class PrincipalQuotas {
  readonly #quotas = new Quotas();

  /** False where it has `most` already. */
  take(principal: Principal, most: number): boolean {
    const name = nameFor(principal);
    return name === undefined || this.#quotas.take(name, most);
  }

  giveBack(principal: Principal): void {
    const name = nameFor(principal);
    if (name !== undefined) this.#quotas.giveBack(name);
  }
}

/** Undefined: nobody in particular, who is let in for trying and measuring only. */
function nameFor(principal: Principal): string | undefined {
  if (principal.kind === "anonymous") return undefined;
  if (principal.kind === "claimant") return principal.claim;
  // An organisation has its share as itself, and under each of its agreements.
  return principal.kind === "participant" ? principal.agreement : nameOfPrincipal(principal);
}

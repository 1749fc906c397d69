import { ComityError } from "../../../kernel/errors.ts";
import { tokenFits, tokenHash } from "../../../things/token.ts";
import type { SectorDoor } from "../../sector.ts";

/** Of one charger; good for the very Thing it was made for. */
interface Kept {
  readonly urn: string;
  /** base64url. */
  readonly hash: string;
}

const prefix = "password.";
/** OCPP 2.0.1, BasicAuthPassword: 16 to 40 characters; a Thing's token has 43. */
const passwordBytes = 24;

/** Passwords for chargers that take no Thing's token: they are as long as OCPP lets them be. */
export class Passwords {
  readonly #door: Pick<SectorDoor, "documents" | "entropy" | "thing">;
  readonly #kept: Map<string, Kept>;

  private constructor(
    door: Pick<SectorDoor, "documents" | "entropy" | "thing">,
    kept: Map<string, Kept>,
  ) {
    this.#door = door;
    this.#kept = kept;
  }

  static async open(door: Pick<SectorDoor, "documents" | "entropy" | "thing">): Promise<Passwords> {
    const kept = new Map<string, Kept>();
    for (const { id, doc } of await door.documents.list()) {
      if (id.startsWith(prefix)) kept.set(id.slice(prefix.length), doc as Kept);
    }
    return new Passwords(door, kept);
  }

  /** 32 characters, told once; the one before is good no more. NOT_FOUND where no Thing is. */
  async make(id: string): Promise<string> {
    const thing = this.#door.thing(id);
    if (!thing) throw new ComityError("NOT_FOUND", { what: "Thing", id });
    const password = Buffer.from(this.#door.entropy.bytes(passwordBytes)).toString("base64url");
    const kept: Kept = { urn: thing.urn, hash: tokenHash(password).toString("base64url") };
    await this.#door.documents.put(`${prefix}${id}`, kept);
    this.#kept.set(id, kept);
    return password;
  }

  fits(id: string, password: string): boolean {
    const kept = this.#kept.get(id);
    const hash = kept && Buffer.from(kept.hash, "base64url");
    return tokenFits(password, hash) && this.#door.thing(id)?.urn === kept?.urn;
  }

  async forget(id: string): Promise<void> {
    if (this.#kept.delete(id)) await this.#door.documents.remove(`${prefix}${id}`);
  }
}

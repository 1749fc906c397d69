import { ComityError } from "../../../kernel/errors.ts";
import type { SectorDocuments } from "../../sector.ts";

const document = "id-tags";
const tagsMax = 10_000;
/** Whoever comes. */
const anyone = "*";

/** Who may charge: nobody, until an operator says who. Upper and lower case are one. */
export class IdTags {
  readonly #documents: SectorDocuments;
  #tags: ReadonlySet<string>;

  private constructor(documents: SectorDocuments, tags: readonly string[]) {
    this.#documents = documents;
    this.#tags = new Set(tags);
  }

  static async open(documents: SectorDocuments): Promise<IdTags> {
    const kept = await documents.get<{ tags: readonly string[] }>(document);
    return new IdTags(documents, kept?.tags ?? []);
  }

  list(): readonly string[] {
    return [...this.#tags].sort();
  }

  /** A charge without a tag is for everybody or nobody. */
  allows(tag: string | undefined): boolean {
    // OCPP 1.6, IdToken; OCPP 2.0.1, IdTokenType: identifiers are case insensitive
    return this.#tags.has(anyone) || (tag !== undefined && this.#tags.has(tag.toLowerCase()));
  }

  /** LIMIT_REACHED where there are too many. */
  async add(tag: string): Promise<void> {
    if (this.#tags.size >= tagsMax) {
      throw new ComityError("LIMIT_REACHED", { limit: tagsMax, what: "id tags" });
    }
    await this.#keep(new Set([...this.#tags, tag.toLowerCase()]));
  }

  async remove(tag: string): Promise<void> {
    const id = tag.toLowerCase();
    if (!this.#tags.has(id)) throw new ComityError("NOT_FOUND", { what: "id tag", id: tag });
    await this.#keep(new Set([...this.#tags].filter((one) => one !== id)));
  }

  async #keep(tags: ReadonlySet<string>): Promise<void> {
    this.#tags = tags;
    await this.#documents.put(document, { tags: [...tags] });
  }
}

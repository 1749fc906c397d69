import type { World, WorldAgreement } from "../../src/client/world.ts";

/** The node's answers as the page names them; the shapes are the client's. */
export type {
  Effect,
  World,
  WorldAgreement,
  WorldNode,
  WorldThing,
  WorldTotal,
} from "../../src/client/world.ts";

/** In one sentence, however it is charged. */
export { describePrice } from "../../src/kernel/price-text.ts";

export type Happening = World["happenings"][number];
export type Agreed = Required<Pick<WorldAgreement, "terms">> & Pick<WorldAgreement, "delivery">;

import { type Static, Type } from "typebox";

/** `typ` of the signature under an ending. */
export const endingType = "comity-ending+jws";

/** That an agreement ended before its time, as one side signs it. */
export const EndingRecord = Type.Object({
  v: Type.Literal(1),
  agreement: Type.String(),
  reason: Type.Union([Type.Literal("revoked"), Type.Literal("expired"), Type.Literal("cap")]),
  by: Type.String(),
  /** ISO 8601, UTC. */
  at: Type.String({ maxLength: 32 }),
});
export type EndingRecord = Static<typeof EndingRecord>;

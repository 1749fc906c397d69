import { Type } from "typebox";
import { Name } from "./schemas.ts";

/** What is asked of sources and indicators, said once as in `schemas.ts`. */
const strict = { additionalProperties: false } as const;
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const SettingName = Type.String({ pattern: "^[A-Za-z]{1,64}$" });

export const SourceBody = Type.Object(
  {
    id: Type.Optional(Name),
    kind: Name,
    from: Type.Object(
      {
        way: Type.Union([
          Type.Literal("url"),
          Type.Literal("file"),
          Type.Literal("topic"),
          Type.Literal("tcp"),
        ]),
        address: text(2048),
      },
      strict,
    ),
    everySeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
    topic: text(1024),
  },
  strict,
);

export const IndicatorBody = Type.Object(
  {
    id: Type.Optional(Name),
    kind: Name,
    filters: Type.Array(text(1024), { minItems: 1, maxItems: 16 }),
    settings: Type.Optional(
      Type.Record(SettingName, Type.Union([Type.Number(), Type.String({ maxLength: 65_536 })]), {
        description: "What the kind asks for, by name.",
      }),
    ),
  },
  strict,
);

import { Type } from "typebox";
import { Links } from "./answers.ts";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });

const Listener = Type.Object({
  ...{ transport: Type.Enum(["tcp", "tls", "ws", "wss", "unix"]), url: text },
  keyExchanges: Type.Optional(Type.Array(text, { description: "The preferred first." })),
  clientCertificates: Type.Optional(Type.Enum(["none", "optional", "required"])),
  certificateEnds: Type.Optional(text),
});

export const Status = Type.Object({
  name: text,
  did: text,
  version: text,
  mqtt: Type.Object({
    ...{ url: text, publicUrl: text, connections: count },
    listeners: Type.Array(Listener),
  }),
  http: Type.Object({ url: text, publicUrl: text }),
  counts: Type.Object({ things: count, pending: count, products: count, agreements: count }),
  links: Links,
  refusals: Type.Record(text, count, { description: "Messages withheld, by reason." }),
  dropped: Type.Integer({ description: "Messages given up because a queue was full." }),
  uptimeSeconds: count,
});

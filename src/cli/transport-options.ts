import { Type } from "typebox";
import type { NodeOptions } from "../node.ts";
import { AddressFile, addressOf, invalid } from "./flags.ts";

/** Ways in for clients besides plain TCP. */
export interface TransportFlags {
  readonly mqtts?: string;
  readonly ws?: string;
  readonly wss?: string;
  readonly mqttSocket?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly tlsClient?: string;
  readonly wsOrigin?: readonly string[];
}

const strict = { additionalProperties: false } as const;

/** The same in the file of `--config`. */
export const TransportsFile = Type.Object(
  {
    mqtts: Type.Optional(AddressFile),
    ws: Type.Optional(AddressFile),
    wss: Type.Optional(AddressFile),
    socket: Type.Optional(Type.String()),
    origins: Type.Optional(Type.Array(Type.String())),
    tls: Type.Optional(
      Type.Object(
        {
          certificate: Type.String(),
          key: Type.String(),
          clientAuthorities: Type.Optional(Type.String()),
          isClientRequired: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
  },
  strict,
);
type TransportsFile = Type.Static<typeof TransportsFile>;
type Transports = NonNullable<NodeOptions["transports"]>;

/** Flags over file; undefined: plain TCP alone. CONFIG_INVALID names the option that is missing. */
export function transportsOf(
  flags: TransportFlags,
  file: TransportsFile = {},
): Transports | undefined {
  const mqtts = addressOf("--mqtts", flags.mqtts, file.mqtts);
  const ws = addressOf("--ws", flags.ws, file.ws);
  const wss = addressOf("--wss", flags.wss, file.wss);
  const socket = flags.mqttSocket ?? file.socket;
  const tls = tlsOf(flags) ?? file.tls;
  if ((mqtts ?? wss) !== undefined && tls === undefined) {
    throw invalid("--mqtts and --wss need --tls-cert and --tls-key");
  }
  if ((mqtts ?? wss) === undefined && tls !== undefined) {
    throw invalid("--tls-cert is for --mqtts or --wss, and there is neither");
  }
  if ((mqtts ?? ws ?? wss ?? socket) === undefined) return undefined;
  return {
    origins: [...(file.origins ?? []), ...(flags.wsOrigin ?? [])],
    ...(mqtts && { mqtts }),
    ...(ws && { ws }),
    ...(wss && { wss }),
    ...(socket !== undefined && { socket }),
    ...(tls && { tls }),
  };
}

function tlsOf(flags: TransportFlags): Transports["tls"] {
  const { tlsCert: certificate, tlsKey: key, tlsClientCa: clientAuthorities, tlsClient } = flags;
  if (certificate === undefined && key === undefined) {
    if ((clientAuthorities ?? tlsClient) === undefined) return undefined;
    throw invalid("--tls-client-ca and --tls-client need --tls-cert and --tls-key");
  }
  if (certificate === undefined || key === undefined) {
    throw invalid("--tls-cert and --tls-key are named together");
  }
  if (tlsClient !== undefined && !["optional", "required"].includes(tlsClient)) {
    throw invalid(`--tls-client "${tlsClient}" is neither optional nor required`);
  }
  if (tlsClient !== undefined && clientAuthorities === undefined) {
    throw invalid("--tls-client needs --tls-client-ca: who issues the clients' certificates");
  }
  const isClientRequired = tlsClient === "required";
  return { certificate, key, ...(clientAuthorities && { clientAuthorities, isClientRequired }) };
}

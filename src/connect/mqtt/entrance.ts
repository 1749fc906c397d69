import { nameOfPrincipal, type Principal } from "../../things/access.ts";
import type { Connect } from "../../wire/mqtt/decode.ts";
import { encodeConnack } from "../../wire/mqtt/encode.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { Client, ClientLine } from "./client.ts";
import { sessionExpiry, takenBy, welcome } from "./connect.ts";
import type { ConnectionHost, HostedConnection } from "./connection-host.ts";
import { OutgoingAliases } from "./outgoing-aliases.ts";
import { OwnClient } from "./own-client.ts";
import type { Session } from "./session.ts";
import { isVisitor, type Visitor, visitorClient, visitorNames } from "./visitor.ts";

/** Who came in; or why, known as it is, it may not. */
export type Entrance =
  | {
      readonly client: Client;
      readonly clientId: string;
      readonly connack: Buffer;
      /** What outlives the connection; visitors have none. */
      readonly session?: Session;
      /** Once CONNACK is on its way: what waited for the client follows it. */
      readonly begin?: () => void;
    }
  | { readonly refused: string; readonly reasonCode: number };

/** A connection whose principal is known takes up what is its own, within the limits. */
export function enter(
  connection: HostedConnection & ClientLine,
  host: ConnectionHost,
  connect: Connect,
  principal: Principal,
): Entrance {
  const most = connect.properties.maximumPacketSize;
  // An assigned client identifier has 36 characters.
  if (
    most !== undefined &&
    connackOf(connect, host, " ".repeat(36), { present: true }).length > most
  ) {
    return { refused: "CONNACK is larger than you take", reasonCode: reason.packetTooLarge };
  }
  return isVisitor(principal)
    ? enterAsVisitor(connection, host, connect, principal)
    : enterAsOwn(connection, host, connect, principal);
}

function enterAsVisitor(
  connection: HostedConnection & ClientLine,
  host: ConnectionHost,
  connect: Connect,
  visitor: Visitor,
): Entrance {
  if (!host.admitVisitor(connection, visitor)) {
    const refused = `the ${visitorNames[visitor.kind]} has too many connections`;
    return { refused, reasonCode: reason.quotaExceeded };
  }
  const clientId = clientIdOf(connect, host);
  const from = { takes: takenBy(connect), address: connection.counts.address, clientId };
  const client = visitorClient(connection, visitor, host, from);
  return { client, clientId, connack: connackOf(connect, host, clientId) };
}

function enterAsOwn(
  connection: HostedConnection & ClientLine,
  host: ConnectionHost,
  connect: Connect,
  principal: Principal,
): Entrance {
  const clientId = clientIdOf(connect, host);
  // The same client identifier of somebody else is another session.
  const key = `${nameOfPrincipal(principal)}/${clientId}`;
  const taken = host.takeSession(connection, principal, key, connect.cleanStart);
  if (taken === undefined) {
    return { refused: "too many connections or sessions", reasonCode: reason.quotaExceeded };
  }
  const { session, present } = taken;
  session.begin(sessionExpiry(connect), connect.will);
  const client = new OwnClient(connection, principal, session, host);
  const begin = (): void =>
    session.attach({
      outbox: connection.outbox,
      version: connect.version,
      aliases: OutgoingAliases.of(connect.properties.topicAliasMaximum),
      ...takenBy(connect),
    });
  const connack = connackOf(connect, host, clientId, { present });
  return { client, clientId, connack, session, begin };
}

function clientIdOf({ clientId }: Connect, { flow }: ConnectionHost): string {
  return clientId || flow.outside.entropy.uuid();
}

function connackOf(
  connect: Connect,
  { limits }: ConnectionHost,
  clientId: string,
  session?: { readonly present: boolean },
): Buffer {
  const told = welcome(connect, limits, clientId, session !== undefined);
  return encodeConnack(connect.version, session?.present === true, reason.success, told);
}

import type { MqttClientOptions } from "../client/types.ts";
import type { Agreement } from "../market/agreement.ts";
import type { StreamAddress } from "../market/transfer.ts";
import { LinkConnection } from "./link-connection.ts";

export interface LinkConnectionsOptions {
  /** This node's own DID. */
  readonly did: string;
  /** A short-lived token of this node's own, for the provider alone. */
  readonly passwordFor: (provider: string) => Promise<string>;
  /** How soon a dead connection is noticed: after one and a half times as long. */
  readonly keepAliveSeconds?: number | undefined;
  /** A longer packet from the provider ends the connection. */
  readonly packetBytesMax?: number | undefined;
}

const keepAliveSecondsDefault = 20;

/**
 * This node's connections to its providers: one for each address, where the provider lets it in
 * as itself, and one for each agreement where it does not.
 */
export class LinkConnections {
  readonly #options: LinkConnectionsOptions;
  readonly #shared = new Map<string, LinkConnection>();
  readonly #all = new Set<LinkConnection>();

  constructor(options: LinkConnectionsOptions) {
    this.#options = options;
  }

  /** The connection the agreement is attached to; made where there is none. */
  to(
    { id, provider }: Agreement,
    { endpoint: url, username, token, isShared = false }: StreamAddress,
    lookup: MqttClientOptions["lookup"],
  ): LinkConnection {
    const { did, passwordFor, packetBytesMax } = this.#options;
    const keepAliveSeconds = this.#options.keepAliveSeconds ?? keepAliveSecondsDefault;
    const limits = packetBytesMax === undefined ? {} : { packetBytesMax };
    const line = { url, lookup, keepAliveSeconds, ...limits };
    if (!isShared) {
      return this.#made({ ...line, username, password: token }, id, () => {});
    }
    const key = `${provider} ${url}`;
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const options = passwordFor(provider).then((password) => {
      return { ...line, username: did, password };
    });
    const connection = this.#made(options, undefined, () => this.#shared.delete(key));
    this.#shared.set(key, connection);
    return connection;
  }

  close(): void {
    for (const connection of this.#all) connection.destroy();
  }

  #made(
    options: MqttClientOptions | Promise<MqttClientOptions>,
    only: string | undefined,
    onOver: () => void,
  ): LinkConnection {
    const connection: LinkConnection = new LinkConnection(options, only, () => {
      this.#all.delete(connection);
      onOver();
    });
    this.#all.add(connection);
    return connection;
  }
}

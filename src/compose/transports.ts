import type { ListenerResource } from "../client/resources.ts";
import type { Listener } from "../connect/mqtt/listeners.ts";
import type { MqttServer } from "../connect/mqtt/server.ts";
import { keyExchanges, TlsFiles } from "../connect/mqtt/tls-files.ts";
import type { Rooms } from "./rooms.ts";

const endsSoonMs = 14 * 86_400_000;

/** Ways in for MQTT clients besides plain TCP. */
export async function openTransports(
  { options, closing, log, urls, clock }: Rooms,
  mqtt: MqttServer,
): Promise<void> {
  const { mqtts, ws, wss, socket, tls: settings, origins = [] } = options.transports ?? {};
  if (socket !== undefined) await mqtt.listen({ transport: "unix", path: socket });
  if (ws !== undefined) await mqtt.listen({ transport: "ws", origins, ...ws });
  if (settings !== undefined) {
    const tls = new TlsFiles(settings, (err) =>
      log.error({ err }, "TLS: the old files stay in use"),
    );
    closing.add("the TLS files", async () => tls.close());
    const leftMs = tls.endsAt - clock.now();
    const ends = new Date(tls.endsAt).toISOString();
    if (leftMs < endsSoonMs) log.warn({ ends }, "the TLS certificate ends soon, or has ended");
    if (mqtts !== undefined) await mqtt.listen({ transport: "tls", tls, ...mqtts });
    if (wss !== undefined) await mqtt.listen({ transport: "wss", tls, origins, ...wss });
  }
  urls.transports = mqtt.listeners.slice(1).map(({ url }) => url);
}

/** For whoever asks how the node stands. */
export function listenerTold({ transport, url, tls }: Listener): ListenerResource {
  if (tls === undefined) return { transport, url };
  return {
    ...{ transport, url, keyExchanges: [...keyExchanges], clientCertificates: tls.clientMode },
    certificateEnds: new Date(tls.endsAt).toISOString(),
  };
}

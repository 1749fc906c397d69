import type { TopClient, TopResource } from "../client/top.ts";
import { type Labels, type MetricFamily, openMetrics } from "../wire/open-metrics.ts";

type Samples = MetricFamily["samples"];

const plain: Labels = {};

/** A node's counters as OpenMetrics; docs/reference/metrics.md lists the names. */
export function metricsText(top: TopResource): string {
  return openMetrics(
    [...nodeFamilies(top), ...flowFamilies(top), ...mqttFamilies(top)].concat(
      clientFamilies(top.clients),
      topicFamilies(top),
      agreementFamilies(top),
    ),
  );
}

function nodeFamilies({ name, version, uptimeSeconds, memory, cpuSeconds }: TopResource) {
  return [
    info("comity_node", "The node.", { name, version }),
    gauge("comity_uptime_seconds", "Since the node started.", uptimeSeconds, "seconds"),
    counter("process_cpu_seconds", "Of all its threads.", cpuSeconds, "seconds"),
    gauge("process_resident_memory_bytes", "In memory.", memory.residentBytes, "bytes"),
    gauge("comity_heap_bytes", "Of the main thread's heap in use.", memory.heapBytes, "bytes"),
  ];
}

function flowFamilies({ flow, retained }: TopResource): MetricFamily[] {
  return [
    counter("comity_messages_in", "Messages taken in at any door.", flow.messagesIn),
    counter("comity_payload_in_bytes", "Their payloads.", flow.payloadBytesIn, "bytes"),
    counter("comity_runs_in", "Runs of messages of one topic.", flow.runsIn),
    counter("comity_runs_single", "Runs of one message: the slow path.", flow.singleRunsIn),
    counter("comity_runs_reencoded", "Runs that left in another encoding.", flow.reencodedRuns),
    counter("comity_runs_copied", "Copies of runs for one receiver each.", flow.copiedRuns),
    counter("comity_messages_dropped", "Messages given up.", byReason(flow.dropped)),
    counter("comity_messages_withheld", "Messages agreements withheld.", byReason(flow.withheld)),
    gauge("comity_subscriptions", "Filters that somebody is subscribed to.", flow.subscriptions),
    gauge("comity_retained_messages", "Topics with a retained message.", retained.messages),
    gauge("comity_retained_bytes", "Their packets.", retained.bytes, "bytes"),
    counter("comity_retained_not_kept", "Did not fit.", retained.notKept),
    counter("comity_retained_expired", "Their time ran out.", retained.expired),
  ];
}

function mqttFamilies({ mqtt }: TopResource): MetricFamily[] {
  return [
    gauge("comity_mqtt_connections", "Let in and there.", mqtt.connections),
    gauge("comity_mqtt_connections_most", "The most there were at a time.", mqtt.connectionsMost),
    counter("comity_mqtt_accepted", "Connections let in.", mqtt.accepted),
    counter("comity_mqtt_slowed", "Publishers held up for a while.", byReason(mqtt.slowed)),
    counter("comity_mqtt_refused", "Connections not let in.", byReason(mqtt.refused)),
    counter("comity_mqtt_ended", "Connections ended by the node.", byReason(mqtt.ended)),
    gauge("comity_mqtt_sessions", "Sessions, clients that are away included.", mqtt.sessions),
    gauge("comity_mqtt_sessions_away", "Sessions whose client is away.", mqtt.sessionsAway),
    counter("comity_mqtt_sessions_expired", "Sessions nobody took up.", mqtt.sessionsExpired),
    counter("comity_mqtt_messages_in", "PUBLISH packets received.", mqtt.messagesIn),
    counter("comity_mqtt_messages_out", "PUBLISH packets sent.", mqtt.messagesOut),
    counter("comity_mqtt_payload_in_bytes", "Payloads received.", mqtt.payloadBytesIn, "bytes"),
    counter("comity_mqtt_payload_out_bytes", "Payloads sent.", mqtt.payloadBytesOut, "bytes"),
    counter("comity_mqtt_in_bytes", "Read from sockets.", mqtt.bytesIn, "bytes"),
    counter("comity_mqtt_out_bytes", "Written to sockets.", mqtt.bytesOut, "bytes"),
    counter("comity_mqtt_control_packets_in", "Other packets than PUBLISH.", mqtt.packetsIn),
    counter("comity_mqtt_control_packets_out", "Other packets than PUBLISH.", mqtt.packetsOut),
    gauge("comity_mqtt_queued_bytes", "Waits for sockets.", mqtt.queuedBytes, "bytes"),
  ];
}

/** Of the clients for whom most waits only, so that no fleet makes a million series. */
function clientFamilies(clients: readonly TopClient[]): MetricFamily[] {
  const each = (value: (client: TopClient) => number): Samples =>
    distinct(clients, ({ client, who }) => ({ client, who }), value);
  return [
    gauge(
      "comity_client_queued_bytes",
      "Waits for it.",
      each((c) => c.queuedBytes),
      "bytes",
    ),
    gauge(
      "comity_client_inflight",
      "Not acknowledged by it.",
      each((c) => c.inflight),
    ),
    counter(
      "comity_client_dropped",
      "Given up for it.",
      each((c) => c.dropped),
    ),
    counter(
      "comity_client_messages_in",
      "Received from it.",
      each((c) => c.messagesIn),
    ),
    counter(
      "comity_client_messages_out",
      "Sent to it.",
      each((c) => c.messagesOut),
    ),
  ];
}

function topicFamilies({ topics }: TopResource): MetricFamily[] {
  return [
    gauge(
      "comity_topic_messages_per_second",
      "Of the busiest topics, over ten seconds.",
      topics.map(({ topic, messagesPerSecond }) => [{ topic }, messagesPerSecond] as const),
    ),
    gauge(
      "comity_topic_payload_bytes_per_second",
      "Of the busiest topics, over ten seconds.",
      topics.map((one) => [{ topic: one.topic }, one.payloadBytesPerSecond] as const),
    ),
  ];
}

function agreementFamilies({ agreements }: TopResource): MetricFamily[] {
  const withLag = agreements.filter(({ lagMs }) => lagMs !== undefined);
  return [
    counter(
      "comity_agreement_messages",
      "Acknowledged over the agreement's life.",
      agreements.map(({ agreement, messages }) => [{ agreement }, messages] as const),
    ),
    gauge(
      "comity_agreement_up",
      "Its link stands.",
      agreements.map(({ agreement, link }) => [{ agreement }, link === "up" ? 1 : 0] as const),
    ),
    gauge(
      "comity_agreement_lag_seconds",
      "From the provider's node to this one.",
      withLag.map(({ agreement, lagMs = 0 }) => [{ agreement }, lagMs / 1000] as const),
      "seconds",
    ),
    counter(
      "comity_agreement_withheld",
      "Messages it withheld.",
      agreements.flatMap(({ agreement, withheld }) =>
        Object.entries(withheld).map(([reason, n]) => [{ agreement, reason }, n] as const),
      ),
    ),
  ];
}

/** No two samples of a family have the same labels (§ MetricFamily): one client, two listeners. */
function distinct<T>(
  rows: readonly T[],
  labelsOf: (row: T) => Labels,
  value: (row: T) => number,
): Samples {
  const sums = new Map<string, readonly [Labels, number]>();
  for (const row of rows) {
    const labels = labelsOf(row);
    const key = JSON.stringify(labels);
    sums.set(key, [labels, (sums.get(key)?.[1] ?? 0) + value(row)]);
  }
  return [...sums.values()];
}

function byReason(counts: Readonly<Record<string, number>>): Samples {
  return Object.entries(counts).map(([reason, count]) => [{ reason }, count] as const);
}

function counter(
  name: string,
  help: string,
  value: number | Samples,
  unit?: MetricFamily["unit"],
): MetricFamily {
  return family("counter", name, help, value, unit);
}

function gauge(
  name: string,
  help: string,
  value: number | Samples,
  unit?: MetricFamily["unit"],
): MetricFamily {
  return family("gauge", name, help, value, unit);
}

function info(name: string, help: string, labels: Labels): MetricFamily {
  return family("info", name, help, [[labels, 1]], undefined);
}

function family(
  type: MetricFamily["type"],
  name: string,
  help: string,
  value: number | Samples,
  unit: MetricFamily["unit"],
): MetricFamily {
  const samples: Samples = typeof value === "number" ? [[plain, value]] : value;
  return { name, type, help, samples, ...(unit === undefined ? {} : { unit }) };
}

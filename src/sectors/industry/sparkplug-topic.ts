/** What a Sparkplug topic says (Sparkplug 3.0 §4.1). */
export interface SparkplugTopic {
  readonly group: string;
  readonly type: MessageType;
  readonly node: string;
  readonly device?: string;
}

type MessageType = "NBIRTH" | "NDATA" | "NDEATH" | "DBIRTH" | "DDATA" | "DDEATH";

/** `spBv1.0/group/TYPE/node[/device]`; commands and states of hosts are not ours to read. */
export function readSparkplugTopic(topic: string): SparkplugTopic | undefined {
  const [namespace, group, type, node, device, ...more] = topic.split("/");
  if (namespace !== "spBv1.0" || more.length > 0 || !group || !node) return undefined;
  if (!isMessageType(type) || (type.startsWith("D") && !device)) return undefined;
  // seen in the field: a device's data under the node's type; births and deaths are of one alone
  if (device && (type === "NBIRTH" || type === "NDEATH")) return undefined;
  return { group, type, node, ...(device ? { device } : {}) };
}

const messageTypes: ReadonlySet<string> = new Set<MessageType>([
  ...(["NBIRTH", "NDATA", "NDEATH"] as const),
  ...(["DBIRTH", "DDATA", "DDEATH"] as const),
]);

function isMessageType(type: string | undefined): type is MessageType {
  return type !== undefined && messageTypes.has(type);
}

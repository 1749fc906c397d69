/** MQTT topic names and filters (MQTT 5.0 §4.7). */

/** Bytes of UTF-8 that a topic or filter may have; the standard's own limit is 65,535. */
const topicBytesMax = 1024;

/** What is wrong with a topic name, or undefined. */
export function topicProblem(topic: string): string | undefined {
  if (topic.length === 0) return "is empty"; // [MQTT-4.7.3-1]
  if (topic.includes("\0")) return "contains a NUL"; // [MQTT-4.7.3-2]
  if (topic.includes("+") || topic.includes("#")) return "contains a wildcard"; // [MQTT-3.3.2-2]
  if (Buffer.byteLength(topic) > topicBytesMax) return `is longer than ${topicBytesMax} bytes`;
  return undefined;
}

/** What is wrong with a topic filter, or undefined. */
export function filterProblem(filter: string): string | undefined {
  if (filter.length === 0) return "is empty";
  if (filter.includes("\0")) return "contains a NUL";
  if (Buffer.byteLength(filter) > topicBytesMax) return `is longer than ${topicBytesMax} bytes`;
  const levels = filter.split("/");
  for (const [i, level] of levels.entries()) {
    if (level === "#" && i < levels.length - 1) return "has # before its last level"; // [MQTT-4.7.1-1]
    if (level.length > 1 && /[+#]/.test(level)) return "has a wildcard inside a level"; // [MQTT-4.7.1-2]
  }
  return undefined;
}

/** Does the topic match the filter? `#` and `+` at the front never match `$…` [MQTT-4.7.2-1]. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && (filter.startsWith("#") || filter.startsWith("+"))) return false;
  return coversLevels(filter.split("/"), topic.split("/"));
}

/** The same as `matches` for who asks it of one filter again and again: takes no topic apart. */
export function matcherOf(filter: string): (topic: string) => boolean {
  const levels = filter.split("/");
  const isWildAtFront = levels[0] === "#" || levels[0] === "+";
  return (topic) => {
    if (isWildAtFront && topic.startsWith("$")) return false;
    let at = 0;
    for (const level of levels) {
      if (level === "#") return true;
      if (at > topic.length) return false;
      const slash = topic.indexOf("/", at);
      const end = slash === -1 ? topic.length : slash;
      const isSame = level.length === end - at && topic.startsWith(level, at);
      if (level !== "+" && !isSame) return false;
      at = end + 1;
    }
    return at > topic.length;
  };
}

/** Is every topic that `inner` matches also matched by `outer`? */
export function covers(outer: string, inner: string): boolean {
  if (inner.startsWith("$") && (outer.startsWith("#") || outer.startsWith("+"))) return false;
  return coversLevels(outer.split("/"), inner.split("/"));
}

function coversLevels(outer: readonly string[], inner: readonly string[]): boolean {
  for (let i = 0; i < outer.length; i++) {
    const level = outer[i];
    if (level === "#") return true; // also the parent level itself: "a/#" matches "a"
    if (i >= inner.length) return false;
    if (inner[i] === "#") return false;
    if (level !== "+" && level !== inner[i]) return false;
  }
  return outer.length === inner.length;
}

/** Can some topic match both filters? */
export function overlaps(a: string, b: string): boolean {
  const left = a.split("/");
  const right = b.split("/");
  const wild = /^[+#]/;
  if ((a.startsWith("$") && wild.test(b)) || (b.startsWith("$") && wild.test(a))) return false;
  for (let i = 0; ; i++) {
    const l = left[i];
    const r = right[i];
    if (l === "#" || r === "#") return true;
    if (l === undefined || r === undefined) {
      // "a" and "a/#" share the topic "a"
      return l === r || (l === undefined ? right[i] === "#" : left[i] === "#");
    }
    if (l !== "+" && r !== "+" && l !== r) return false;
  }
}

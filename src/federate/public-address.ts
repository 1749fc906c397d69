import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

/**
 * Addresses that lead into a private network or back to this machine, so that a name or a
 * callback given by a stranger never makes this node call its own neighbours.
 */
const closed = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8], // "this network", RFC 1122
  ["10.0.0.0", 8],
  ["100.64.0.0", 10], // carrier-grade NAT, RFC 6598
  ["127.0.0.0", 8],
  ["169.254.0.0", 16], // link-local, and the clouds' metadata services
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24], // documentation, RFC 5737
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15], // benchmarking, RFC 2544
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4],
] as const) {
  closed.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 96], // unspecified, loopback, and the old IPv4-compatible form
  ["::ffff:0:0:0", 96],
  ["64:ff9b::", 96], // NAT64: an IPv4 address in disguise, RFC 6052
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23], // Teredo and other special purposes, RFC 2928
  ["2001:db8::", 32],
  ["2002::", 16], // 6to4, RFC 3056
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const) {
  closed.addSubnet(network, prefix, "ipv6");
}

/** Is the literal IP address one that the whole world can reach? */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, "");
  if (isIP(plain) === 0) return false;
  // an IPv4-mapped IPv6 address is checked against the IPv4 list by BlockList itself
  return !closed.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}

/** What keeps a host, literal or by its name alone, from being called; undefined: nothing. */
export function closedHostProblem(host: string): string | undefined {
  const plain = bare(host);
  // a literal address is never looked up, so it is checked here
  if (isIP(plain) !== 0) return isPublicAddress(plain) ? undefined : "it is private";
  return /(^|\.)(localhost|local|internal)\.?$/.test(plain) ? "it is a local name" : undefined;
}

/** Is it this machine itself, literally or by its name? */
export function isLoopbackHost(host: string): boolean {
  const plain = bare(host);
  return plain === "localhost" || plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}

/** A URL has brackets round an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

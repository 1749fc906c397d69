/** An address literal of this machine itself; IPv6 may wrap an IPv4 address (RFC 4291 §2.5.5). */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address);
}

/** How a link stands, as the HTTP API tells it. */
export interface LinkResource {
  readonly agreement: string;
  readonly state: "up" | "down" | "ended";
  /** What keeps the stream away, where it is more than a broken connection. */
  readonly problem?: "waiting" | "address" | "refused" | "disagrees" | "fault" | "failed" | "limit";
  /** Why it last broke or was refused, in words. */
  readonly lastError?: string;
  /** When it came to stand so, ISO 8601. */
  readonly since: string;
  readonly lagMs?: number;
  /** Positions of the provider's log that had not come by its last checkpoint. */
  readonly behind?: number;
  readonly messages: number;
  /** How runs of packets are compressed; absent: they come as they are. */
  readonly encoding?: "zstd" | "deflate";
  /** What came since this node started: on the wire, and as packets. */
  readonly wireBytes: number;
  readonly packetBytes: number;
  /** What both sides agreed that it may use. */
  readonly bytesPerSecond?: number;
}

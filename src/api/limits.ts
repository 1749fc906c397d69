/** How much the HTTP API takes in and holds for its callers. */
export interface ApiLimits {
  readonly bodyBytesMax: number;
  /** Of one batch of messages: its body, its lines, those refused, and how long it is read. */
  readonly batchBytesMax: number;
  readonly batchLinesMax: number;
  readonly batchRefusedMax: number;
  readonly batchMsMax: number;
  /** Of a Thing Description that is registered. */
  readonly tdBytesMax: number;
  /** Event streams and WebSockets at a time, streams and world together. */
  readonly sseClientsMax: number;
  /** Bytes of live messages that may wait for one of them; then the oldest are dropped, counted. */
  readonly sseQueueBytesMax: number;
  readonly thingsPerOverviewMax: number;
}

export const apiLimits: ApiLimits = {
  bodyBytesMax: 1024 * 1024,
  batchBytesMax: 1024 * 1024 * 1024,
  batchLinesMax: 1_000_000,
  batchRefusedMax: 1_000,
  // below the server's `requestTimeout`, which would end it without an answer
  batchMsMax: 50_000,
  tdBytesMax: 1024 * 1024,
  sseClientsMax: 200,
  sseQueueBytesMax: 1024 * 1024,
  thingsPerOverviewMax: 500,
};

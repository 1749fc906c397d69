/**
 * Gives memory back at once instead of when garbage is next collected: what a thread has of
 * buffers alone hardly hastens that, so that tens of MiB nobody uses would gather. Only for bytes
 * that nothing reads any more, neither here nor in a write under way. Does nothing where they are
 * a part of larger memory, as small Buffers are.
 */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0);
}

import type { CliIo } from "./context.ts";

/** Resolves at Ctrl-C or SIGTERM, or where the caller's own signal fires. */
export function interrupted(io: CliIo): {
  readonly promise: Promise<"interrupted">;
  dispose(): void;
} {
  const { promise, resolve } = Promise.withResolvers<"interrupted">();
  const stop = (): void => resolve("interrupted");
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  io.signal?.addEventListener("abort", stop, { once: true });
  if (io.signal?.aborted === true) stop();
  const dispose = (): void => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    io.signal?.removeEventListener("abort", stop);
  };
  return { promise, dispose };
}

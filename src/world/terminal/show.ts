import type { World } from "../world.ts";
export async function showWorld(world: World, signal: AbortSignal): Promise<void> {
  void world;
  await new Promise((r) => signal.addEventListener("abort", r));
}

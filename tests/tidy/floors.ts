/** The rooms of src from the ground up, and what each may import besides itself. */
const ground = ["kernel"];
const first = [...ground, "ports", "wire"];
const trade = [...first, "things", "market"];
const flow = [...trade, "flow"];
const meter = [...flow, "meter"];
const settle = [...meter, "settle"];
const neighbours = [...settle, "client"];

const rooms: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  ports: ground,
  wire: [...ground, "ports"],
  engines: first,
  client: first,
  things: first,
  market: [...first, "things"],
  flow: trade,
  meter: flow,
  settle: meter,
  connect: flow,
  sectors: flow,
  federate: neighbours,
  api: [...neighbours, "sectors", "federate"],
  compose: [...neighbours, "connect", "sectors", "federate", "api"],
  node: [...neighbours, "engines", "connect", "sectors", "federate", "api", "compose"],
  cli: [...neighbours, "sectors", "federate", "api", "node", "world"],
  world: [...neighbours, "sectors", "federate", "api", "node"],
  main: [...neighbours, "node", "cli", "world"],
};

/** `src/flow/router.ts` → `flow`; `src/node.ts` → `node`. */
export function roomOf(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

export function layoutProblem(path: string): string | undefined {
  return roomOf(path) in rooms
    ? undefined
    : `${path}: "${roomOf(path)}" is no room of docs/architecture.md; move it into one`;
}

export function mayImport(path: string, target: string): boolean {
  if (target === "package.json") return true;
  if (!target.startsWith("src/")) return false;
  const room = roomOf(path);
  return roomOf(target) === room || (rooms[room]?.includes(roomOf(target)) ?? false);
}

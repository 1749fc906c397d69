import { noUsage, type UsagePort } from "../src/ports/usage.ts";

/** Nothing is counted: what counting costs is not in a figure, or is what it is held against. */
export const uncounted: UsagePort = {
  acknowledged: () => noUsage,
  acknowledge: async () => {},
  acknowledgedBefore: async () => 0,
  handedOver: () => ({ add() {} }),
  refused() {},
};

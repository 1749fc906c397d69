import type { Statements } from "./case.ts";

/** MQTT 3.1.1 (OASIS Standard, 29 October 2014), appendix B, in words of our own. */
export const statements3: Statements = {};

import type { Clock } from "../kernel/clock.ts";
import type { Journal } from "../kernel/journal.ts";
import type { LinkState } from "../meter/traffic.ts";
import type { LinkTerms } from "../wire/link/attach.ts";
import type { LinkProblem } from "./link-problem.ts";

/** Said again at most so often, though it came and went. */
const sayAgainMs = 60_000;

/**
 * What a link tells of itself: how it stands, since when, what came over it; and, in the journal,
 * what changed. It decides nothing.
 */
export class LinkReport {
  readonly #agreement: string;
  readonly #outside: { readonly clock: Clock; readonly journal: Journal };
  readonly #saidAt = new Map<LinkProblem, number>();
  #state: LinkState = "down";
  #since: number;
  #problem: LinkProblem | undefined;
  #lastError: string | undefined;
  /** From the provider's log or socket to here, by both clocks. */
  lagMs: number | undefined;
  /** Positions of the provider's log after the last checkpoint, as it said then. */
  behind: number | undefined;
  terms: LinkTerms | undefined;
  /** What came, on the wire and as packets. */
  wireBytes = 0;
  packetBytes = 0;

  constructor(agreement: string, outside: { clock: Clock; journal: Journal }) {
    this.#agreement = agreement;
    this.#outside = outside;
    this.#since = outside.clock.now();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** When it came to stand so, milliseconds since the Unix epoch. */
  get since(): number {
    return this.#since;
  }

  get problem(): LinkProblem | undefined {
    return this.#problem;
  }

  /** Why it last broke or was refused, in words. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** For people and programs that ask. */
  get told() {
    const { encoding, bytesPerSecondMax: bytesPerSecond } = this.terms ?? {};
    return {
      state: this.#state,
      since: new Date(this.#since).toISOString(),
      wireBytes: this.wireBytes,
      packetBytes: this.packetBytes,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...(this.lagMs === undefined ? {} : { lagMs: this.lagMs }),
      ...(this.behind === undefined ? {} : { behind: this.behind }),
      ...(encoding === undefined ? {} : { encoding }),
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    };
  }

  is(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#since = this.#outside.clock.now();
  }

  solved(): void {
    this.#problem = undefined;
  }

  up(text: string): void {
    this.is("up");
    if (this.#problem === "waiting") this.#problem = undefined;
    if (this.#problem === undefined) this.say("link.up", text);
  }

  down(text: string): void {
    if (this.#state !== "up") return;
    this.is("down");
    if (this.#problem !== undefined) return;
    this.#lastError = text;
    this.say("link.down", text);
  }

  /** Once while it lasts, and not each time where it comes and goes. */
  stuck(problem: LinkProblem, text: string): void {
    this.#lastError = text;
    if (this.#problem === problem) return;
    this.#problem = problem;
    const now = this.#outside.clock.monotonic();
    if (now - (this.#saidAt.get(problem) ?? -Infinity) < sayAgainMs) return;
    this.#saidAt.set(problem, now);
    this.say(`link.${problem}`, text);
  }

  /** Who set the limit tells it with its numbers. */
  rests(name: string): void {
    this.#problem = "limit";
    this.#lastError = `${name} rests: what comes next would cost more than a limit allows`;
  }

  say(kind: string, text: string): void {
    const at = this.#outside.clock.now();
    this.#outside.journal.record({ at, kind, text, agreement: this.#agreement });
  }
}

import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import { problemOf } from "../../kernel/errors.ts";
import { cutAndMend, flipOneByte, killAndRestart, revoke } from "../breaks.ts";
import { look, pasteLines, signInLine } from "../watch.ts";
import type { Deal, World } from "../world.ts";
import type { Frame, Pressed } from "./frame.ts";
import { paintFor } from "./paint.ts";
import { effectLines, plainLine } from "./plain.ts";
import { render } from "./render.ts";
import { Screen } from "./screen.ts";

export interface ShowOptions {
  readonly world: World;
  readonly folder: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Ends the world. */
  readonly stop: () => void;
  readonly say: (line: string) => void;
}

const plainEveryMs = 5_000;

/** Until it is stopped: a live table on a terminal, plain lines elsewhere. */
export async function showWorld(options: ShowOptions): Promise<void> {
  if (process.stdout.isTTY && process.stdin.isTTY) await new Live(options).run();
  else await showPlain(options);
}

async function showPlain({ world, clock, signal, say }: ShowOptions): Promise<void> {
  const startedAt = clock.monotonic();
  const frame = (): Promise<Frame> => look(world, startedAt, clock.monotonic());
  for (const { name, url } of (await frame()).nodes) say(`${name.padEnd(10)} ${url}/`);
  say("Watch a stream from outside:");
  for (const line of pasteLines(world)) say(line);
  say(await signInLine(world));
  for (let turn = 0; !signal.aborted; turn++) {
    const now = await frame();
    say(plainLine(now));
    const effects = effectLines(now);
    if (effects.length > 0) say(`  ${effects[turn % effects.length]}`);
    await wait(plainEveryMs, undefined, { signal }).catch(() => {});
  }
}

/** The live table and its keys. */
class Live {
  readonly #options: ShowOptions;
  readonly #screen: Screen;
  readonly #startedAt: number;
  readonly #paint = paintFor(true, process.env);
  #frame: Frame | undefined;
  #pressed: Pressed;
  #victim = 0;

  constructor(options: ShowOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.#pressed = { chosen: 0, busy: undefined, notice: [], paste: pasteLines(options.world) };
    this.#screen = new Screen(process.stdout, process.stdin, (key) => this.#onKey(key));
  }

  async run(): Promise<void> {
    const { world, clock, signal, say } = this.#options;
    const { paste } = this.#pressed;
    this.#pressed = { ...this.#pressed, paste: [...paste, "", await signInLine(world)] };
    this.#screen.open();
    try {
      while (!signal.aborted) {
        this.#frame = await look(world, this.#startedAt, clock.monotonic());
        this.#draw();
        await wait(1000, undefined, { signal }).catch(() => {});
      }
    } finally {
      this.#screen.close();
    }
    if (this.#frame) for (const line of effectLines(this.#frame)) say(line);
  }

  #draw(): void {
    if (!this.#frame) return;
    this.#screen.draw(render(this.#frame, this.#pressed, this.#screen.size, this.#paint));
  }

  #onKey(key: string): void {
    const { deals } = this.#options.world;
    if (key === "q") {
      this.#pressed = { ...this.#pressed, busy: "Stopping …" };
      this.#options.stop();
    } else if (key === "up" || key === "down") {
      const step = key === "up" ? deals.length - 1 : 1;
      this.#pressed = { ...this.#pressed, chosen: (this.#pressed.chosen + step) % deals.length };
    } else if (/^[1-9]$/.test(key) && Number(key) <= deals.length) {
      this.#pressed = { ...this.#pressed, chosen: Number(key) - 1 };
    } else if (this.#pressed.busy === undefined) {
      this.#act(key);
    }
    this.#draw();
  }

  #act(key: string): void {
    const { world, clock, folder } = this.#options;
    const deal = world.deals[this.#pressed.chosen] as Deal;
    const stream = deal.config.product;
    if (key === "r") void this.#try(`Revoking ${stream} …`, () => revoke(deal));
    if (key === "l") void this.#try(`Cutting ${stream} …`, () => cutAndMend(deal, clock));
    if (key === "v") {
      const flip = (): Promise<string[]> => flipOneByte(deal, folder, clock.now());
      void this.#try(`Verifying the bill of ${stream} …`, flip);
    }
    if (key === "k") {
      // The one with the most logged streams first, then the others in turn.
      const weight = (name: string): number =>
        world.deals.filter(
          ({ config, logged }) => logged && (config.provider === name || config.consumer === name),
        ).length;
      const order = world.members.toSorted((a, b) => weight(b.config.name) - weight(a.config.name));
      const member = order[this.#victim++ % order.length];
      if (!member) return;
      const kill = (): Promise<string[]> => killAndRestart(member, world, clock);
      void this.#try(`Killing ${member.config.name} with -9 …`, kill);
    }
  }

  async #try(busy: string, act: () => Promise<string[]>): Promise<void> {
    this.#pressed = { ...this.#pressed, busy, notice: [] };
    try {
      this.#pressed = { ...this.#pressed, busy: undefined, notice: await act() };
    } catch (error) {
      this.#pressed = { ...this.#pressed, busy: undefined, notice: [problemOf(error)] };
    }
    this.#draw();
  }
}

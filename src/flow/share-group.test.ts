import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { matches } from "../kernel/topic.ts";
import { Router } from "./router.ts";
import { Run } from "./run.ts";
import type { SharingMember, Subscription } from "./subscription.ts";

interface Taken {
  readonly atOnce: number;
  readonly waiting: number;
  readonly lost: number;
}

/** A member whose room is said, with a session's behaviour and nothing behind it. */
class Member implements SharingMember {
  isPresent = true;
  room = Infinity;
  queueRoom = Infinity;
  taken: Taken = { atOnce: 0, waiting: 0, lost: 0 };
  /** How often it was asked for its room. */
  asked = 0;

  get load(): number {
    return this.taken.atOnce + this.taken.waiting;
  }

  get roomNow(): number {
    return this.isPresent ? this.room : 0;
  }

  roomFor(): number {
    this.asked++;
    return this.roomNow;
  }

  queueRoomFor(): number {
    return this.queueRoom;
  }

  receive({ count }: Run): void {
    const atOnce = Math.min(this.roomNow, count);
    const waiting = Math.min(this.queueRoom, count - atOnce);
    this.room -= atOnce;
    this.queueRoom -= waiting;
    const { taken } = this;
    this.taken = {
      atOnce: taken.atOnce + atOnce,
      waiting: taken.waiting + waiting,
      lost: taken.lost + count - atOnce - waiting,
    };
  }

  subscription(filter: string, name = "s"): Subscription {
    return { filter, receiver: this, qos: 1, share: { name, member: this } };
  }
}

function burst(topic: string, count: number): Run {
  const one = Run.of(topic, Buffer.from("x"), { qos: 1 });
  const packets = Array.from({ length: count }, () => one.packets);
  return one.with(packets, one.layout, count);
}

function publish(router: Router, run: Run): void {
  for (const one of router.route(run.topic).subscriptions) one.receiver.receive(run, one);
}

function sum(members: readonly Member[], what: (member: Member) => number): number {
  return members.reduce((all, one) => all + what(one), 0);
}

test("share group - [MQTT-4.8.2-4] of each share one member has a message: at once, waiting, or lost where none has room", () => {
  const filter = fc.constantFrom("#", "a/+", "a/b", "$SYS/#", "+/x");
  const topic = fc.constantFrom("a/b", "$SYS/x");
  const room = fc.constantFrom(0, 1, 3, 20);
  const rooms = { isPresent: fc.boolean(), room, queueRoom: room };
  const step = fc.oneof(
    fc.record({ join: filter, share: fc.constantFrom("s", "s", "t"), ...rooms }),
    fc.record({ leave: fc.nat(20) }),
    fc.record({ change: fc.nat(6), ...rooms }),
    fc.record({ topic, count: fc.integer({ min: 1, max: 9 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const router = new Router(() => []);
      const all: { member: Member; subscription: Subscription }[] = [];
      const check = (topic: string, count: number): void => {
        const groups = Map.groupBy(
          all.map(({ member, subscription }) => ({ member, ...subscription })),
          ({ share, filter: wanted }) => `${share!.name} ${wanted}`,
        );
        const rooms = [...groups.values()].map((group) => {
          const members = group.map(({ member }) => member);
          const atOnce = sum(members, (one) => one.roomNow);
          const waiting = sum(members, (one) => one.queueRoom);
          const isAsked = matches(group[0]!.filter, topic);
          return { members, atOnce, waiting, count: isAsked ? count : 0 };
        });
        for (const { member } of all) member.taken = { atOnce: 0, waiting: 0, lost: 0 };
        publish(router, burst(topic, count));
        for (const { members, ...group } of rooms) {
          const atOnce = Math.min(group.count, group.atOnce);
          const waiting = Math.min(group.count - atOnce, group.waiting);
          assert.deepEqual(
            {
              atOnce: sum(members, ({ taken }) => taken.atOnce),
              waiting: sum(members, ({ taken }) => taken.waiting),
              lost: sum(members, ({ taken }) => taken.lost),
            },
            { atOnce, waiting, lost: group.count - atOnce - waiting },
          );
        }
      };
      for (const step of steps) {
        if ("join" in step) {
          const { join, share, ...more } = step;
          const member = Object.assign(new Member(), more);
          const subscription = member.subscription(join, share);
          all.unshift({ member, subscription });
          router.subscribe(subscription);
        } else if ("leave" in step) {
          for (const { subscription } of all.splice(step.leave, 1)) {
            router.unsubscribe(subscription);
          }
        } else if ("change" in step) {
          const { change, ...more } = step;
          Object.assign(all[change]?.member ?? {}, more);
        } else check(step.topic, step.count);
      }
      for (const { subscription } of all) router.unsubscribe(subscription);
      assert.deepEqual([router.size, router.sharedSize], [0, 0]);
    }),
    { numRuns: 500 },
  );
});

test("share group - who is away has a message only where nobody who is there has room for it", () => {
  const router = new Router(() => []);
  const [away, there] = [new Member(), new Member()];
  for (const one of [away, there]) router.subscribe(one.subscription("t"));
  away.isPresent = false;
  Object.assign(there, { room: 2, queueRoom: 3 });
  publish(router, burst("t", 9));
  assert.deepEqual(there.taken, { atOnce: 2, waiting: 3, lost: 0 });
  assert.deepEqual(away.taken, { atOnce: 0, waiting: 4, lost: 0 });
});

test("share group - among ten thousand members a message asks a few, and all have their turn", () => {
  const router = new Router(() => []);
  const members = Array.from({ length: 10_000 }, () => new Member());
  for (const one of members) router.subscribe(one.subscription("t"));
  for (let i = 0; i < 10_000; i++) publish(router, burst("t", 1));
  assert.ok(sum(members, ({ asked }) => asked) <= 10_000 * 17);
  assert.ok(members.every(({ taken }) => taken.atOnce <= 2));
  assert.ok(members.filter(({ taken }) => taken.atOnce > 0).length > 9000);
});

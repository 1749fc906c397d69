import type { Broker, Version } from "./broker.ts";

export type Run = (broker: Broker) => Promise<void>;

/** One thing a server does, and the statements that ask for it. */
export interface Case {
  readonly clauses: readonly string[];
  readonly title: string;
  readonly version: Version;
  readonly run: Run;
}

/** A statement nobody can hold a server to from outside: what it says, and why not. */
export interface Unobservable {
  readonly says: string;
  readonly unobservable: string;
}

/** Numbered statements of a specification, in words of our own; text alone: it has tests. */
export type Statements = Readonly<Record<`MQTT-${string}`, string | Unobservable>>;

/** It binds the client. */
export function ofClient(says: string): Unobservable {
  return { says, unobservable: "binds the client" };
}

export function unseen(says: string, unobservable: string): Unobservable {
  return { says, unobservable };
}

export function v5(clauses: readonly string[], title: string, run: Run): Case {
  return { clauses, title, version: "5.0", run };
}

export function v3(clauses: readonly string[], title: string, run: Run): Case {
  return { clauses, title, version: "3.1.1", run };
}

/** The same of both versions, which number their statements differently. */
export function both(
  clauses: { readonly v5: readonly string[]; readonly v3: readonly string[] },
  title: string,
  run: Run,
): readonly Case[] {
  return [v5(clauses.v5, title, run), v3(clauses.v3, title, run)];
}

export function nameOf({ clauses, title }: Case): string {
  return `${clauses.map((clause) => `[${clause}]`).join(" ")} ${title}`;
}

/** Tries all of them at once, and names each that fails. */
export async function each<T>(
  tried: Readonly<Record<string, T>>,
  attempt: (one: T) => Promise<void>,
): Promise<void> {
  const results = await Promise.all(
    Object.entries(tried).map(([name, one]) =>
      attempt(one).then(
        () => [],
        (error: Error) => [`${name}: ${error.message}`],
      ),
    ),
  );
  const problems = results.flat();
  if (problems.length > 0) throw new Error(problems.join("; "));
}

/** Each of these, sent by a client that is in, ends its connection. */
export async function endsFor(
  broker: Broker,
  packets: Readonly<Record<string, Uint8Array>>,
  ...codes: readonly number[]
): Promise<void> {
  await each(packets, async (sent) => {
    const client = await broker.connect();
    client.send(sent);
    await client.ended(...codes);
  });
}

import { signal } from "@preact/signals";
import type { CallerResource } from "../../src/client/callers.ts";
import type { SessionResource } from "../../src/client/sessions.ts";

/** Who this browser is signed in as; the session itself is a cookie that no script can read. */
export const caller = signal<CallerResource | undefined>(undefined);

/** Who one is has been asked, whatever came of it. */
export const isSettled = signal(false);

const PATH = "/api/v1/session";
const LINK = /^#sign-in=([A-Za-z0-9_-]{1,200})$/;

/** From the link that opened the page, or the session of before; what of the link went wrong. */
export async function startSession(): Promise<"refused" | undefined> {
  const code = LINK.exec(location.hash)?.[1];
  if (code === undefined) {
    caller.value = (await told(await fetch(PATH, { cache: "no-store" }))).caller;
    return undefined;
  }
  // a link is good once: it stands neither in the address nor in the history
  history.replaceState(null, "", location.pathname + location.search);
  return (await prove({ code })) ? undefined : "refused";
}

/** Whether the node took the token; it is kept nowhere here. */
export function signInWith(token: string): Promise<boolean> {
  return prove({ token });
}

export async function signOut(): Promise<void> {
  await fetch(PATH, { method: "DELETE" });
  // whatever this page knows, it knows as somebody who has left
  location.reload();
}

async function prove(proof: object): Promise<boolean> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(PATH, { method: "POST", headers, body: JSON.stringify(proof) });
  caller.value = (await told(answer)).caller;
  return answer.ok;
}

async function told(answer: Response): Promise<SessionResource> {
  return answer.ok ? ((await answer.json()) as SessionResource) : {};
}

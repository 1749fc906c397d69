import { caller, signOut } from "../session.ts";

/** Who one is here, and the way out; nothing for who is nobody. */
export function Account() {
  const known = caller.value;
  if (known === undefined) return null;
  return (
    <section class="account" aria-label="Signed in">
      <span>
        <b>{known.name}</b> · {known.role}
      </span>
      <button type="button" onClick={() => void signOut()}>
        Sign out
      </button>
    </section>
  );
}

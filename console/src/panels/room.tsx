import type { ComponentChildren } from "preact";
import { Account } from "./account.tsx";

/** A page that is no map: who one is and the way to the others above, the page itself below. */
export function Room({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="room">
      <header>
        <Account />
      </header>
      {children}
    </div>
  );
}

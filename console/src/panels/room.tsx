import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Account } from "./account.tsx";

/** A page that is no map: who one is and the way to the others above, the page itself below. */
export function Room({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="room">
      <header>
        <Account />
      </header>
      <main class="room-body">{children}</main>
    </div>
  );
}

/** The page's name; who comes from another page is told it. */
export function RoomTitle({ children }: { readonly children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

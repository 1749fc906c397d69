import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { say } from "../words.ts";

interface ConfirmProps {
  readonly title: string;
  /** What the button that does it says. */
  readonly does: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
  /** What will happen. */
  readonly children: ComponentChildren;
}

/** Asked before what cannot be taken back; the focus is on leaving it. */
export function Confirm({ title, does, onYes, onNo, children }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onNo}>
      <h2 id="confirm-title">{title}</h2>
      {children}
      <div class="acts">
        <button type="button" autofocus onClick={onNo}>
          {say("leave-it")}
        </button>
        <button type="button" class="grave" onClick={onYes}>
          {does}
        </button>
      </div>
    </dialog>
  );
}

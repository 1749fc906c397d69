import { useEffect, useRef, useState } from "preact/hooks";
import { node } from "../node.ts";
import { go, PAGES } from "../router.ts";
import { caller, signOut } from "../session.ts";
import { filtered } from "../shown.ts";
import { say } from "../words.ts";

interface Choice {
  readonly key: string;
  /** What it is one of. */
  readonly kind: string;
  readonly name: string;
  readonly act: () => void;
}

const SHOWN_MAX = 12;

/** Pages, Things and agreements by name: typed, chosen with the arrows, opened with Enter. */
export function Palette({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const [known, setKnown] = useState<readonly Choice[]>([]);
  useEffect(() => {
    dialog.current?.showModal();
    if (caller.value) void choicesOfNode().then(setKnown, () => {}); // pages can be chosen without
  }, []);
  const all = [...choicesOfPage(), ...known];
  const shown = filtered(all, words, ({ kind, name }) => `${kind} ${name}`).slice(0, SHOWN_MAX);
  const chosen = shown[Math.min(at, shown.length - 1)];
  const choose = (choice: Choice | undefined): void => {
    if (choice === undefined) return;
    dialog.current?.close();
    choice.act();
  };
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") choose(chosen);
    if (step === undefined || shown.length === 0) return;
    event.preventDefault();
    setAt((Math.min(at, shown.length - 1) + step + shown.length) % shown.length);
  };
  return (
    <dialog ref={dialog} class="palette" aria-label={say("palette")} onClose={onClose}>
      <input
        type="text"
        role="combobox"
        autofocus
        autocomplete="off"
        spellcheck={false}
        aria-label={say("palette.words")}
        placeholder={say("palette.words")}
        aria-expanded={true}
        aria-controls="palette-choices"
        aria-activedescendant={chosen && `choice-${shown.indexOf(chosen)}`}
        value={words}
        onInput={({ currentTarget }) => {
          setWords(currentTarget.value);
          setAt(0);
        }}
        onKeyDown={move}
      />
      <div id="palette-choices" role="listbox" aria-label={say("palette")}>
        {shown.map((choice, i) => (
          <div
            key={choice.key}
            id={`choice-${i}`}
            role="option"
            aria-selected={choice === chosen}
            onClick={() => choose(choice)}
          >
            <bdi>{choice.name}</bdi> <span>{choice.kind}</span>
          </div>
        ))}
      </div>
      {shown.length === 0 && <p role="status">{say("room.unmatched")}</p>}
    </dialog>
  );
}

function choicesOfPage(): Choice[] {
  const pages = PAGES.map((name): Choice => {
    return { key: name, kind: say("palette.page"), name: say(`page.${name}`), act: () => go(name) };
  });
  if (caller.value === undefined) return pages;
  const out = { key: "sign-out", kind: say("palette.act"), name: say("sign-out") };
  return [...pages, { ...out, act: () => void signOut() }];
}

async function choicesOfNode(): Promise<Choice[]> {
  const [things, agreements] = await Promise.all([node.things(), node.agreements()]);
  return [
    ...things.map(({ id, title }): Choice => {
      const name = title === id ? id : `${title} · ${id}`;
      return {
        key: `thing ${id}`,
        kind: say("things.thing"),
        name,
        act: () => go("things", { q: id }),
      };
    }),
    ...agreements.map(({ id, title, role }): Choice => {
      const kind = `${say("page.agreements")} · ${say(`sold.${role}`)}`;
      return { key: `agreement ${id}`, kind, name: title, act: () => go("agreements", { id }) };
    }),
  ];
}

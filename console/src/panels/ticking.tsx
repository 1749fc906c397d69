import { useEffect, useRef } from "preact/hooks";

/** The world comes once a second; a count runs to its new value over that second. */
const RUN_MS = 950;

interface TickingProps {
  readonly value: number;
  readonly say: (value: number) => string;
}

/** Never shows a value that was not between two reported ones. */
export function Ticking({ value, say }: TickingProps) {
  const place = useRef<HTMLSpanElement>(null);
  const shown = useRef(value);
  useEffect(() => {
    const from = shown.current;
    const write = (next: number): void => {
      shown.current = next;
      const text = say(next);
      if (place.current && place.current.textContent !== text) place.current.textContent = text;
    };
    if (value <= from || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      write(value);
      return undefined;
    }
    const start = performance.now();
    let frame = requestAnimationFrame(function run(time) {
      const part = Math.min(1, Math.max(0, (time - start) / RUN_MS));
      write(part === 1 ? value : from + (value - from) * part);
      if (part < 1) frame = requestAnimationFrame(run);
    });
    return () => cancelAnimationFrame(frame);
  }, [value, say]);
  return <span class="ticking" ref={place} />;
}

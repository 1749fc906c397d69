import { SIGNS, type Sector } from "../sector.ts";

/** A sector's sign in its colour; decoration beside its word. */
export function Sign({ sector }: { readonly sector: Sector }) {
  return (
    <svg class="sign" viewBox="0 0 16 16" data-sector={sector} aria-hidden="true">
      <path d={SIGNS[sector]} />
    </svg>
  );
}

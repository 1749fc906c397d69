import { caller, signOut } from "../session.ts";
import { chooseLanguage } from "../language.ts";
import { follow, hrefOf, page, PAGES } from "../router.ts";
import { showPalette } from "../palette-door.tsx";
import { chooseTheme, type Theme, theme, themes } from "../theme.ts";
import { languages, locale, say } from "../words.ts";

/** Who one is here, the way out and to the other pages; the page's language for everybody. */
export function Account() {
  const known = caller.value;
  return (
    <section class="account" aria-label={say("account")}>
      <nav aria-label={say("pages")}>
        {PAGES.map((name) => (
          <a
            key={name}
            href={hrefOf(name)}
            aria-current={page.value === name ? "page" : undefined}
            onClick={(event) => follow(event, name)}
          >
            {say(`page.${name}`)}
          </a>
        ))}
      </nav>
      <button type="button" onClick={showPalette} aria-keyshortcuts="Control+K Meta+K">
        {say("palette")}
      </button>
      <select
        aria-label={say("language")}
        value={locale()}
        onChange={({ currentTarget }) => chooseLanguage(currentTarget.value)}
      >
        {languages.map((tag) => (
          <option key={tag} value={tag} lang={tag}>
            {new Intl.DisplayNames(tag, { type: "language" }).of(tag)}
          </option>
        ))}
      </select>
      <select
        aria-label={say("theme")}
        value={theme()}
        onChange={({ currentTarget }) => chooseTheme(currentTarget.value as Theme)}
      >
        {themes.map((one) => (
          <option key={one} value={one}>
            {say(`theme.${one}`)}
          </option>
        ))}
      </select>
      {known && (
        <>
          <span>
            <b>{known.name}</b> · {say(`role.${known.role}`)}
          </span>
          <button type="button" onClick={() => void signOut()}>
            {say("sign-out")}
          </button>
        </>
      )}
    </section>
  );
}

import { caller, signOut } from "../session.ts";
import { chooseLanguage } from "../language.ts";
import { languages, locale, say } from "../words.ts";

/** Who one is here, and the way out; the page's language for everybody. */
export function Account() {
  const known = caller.value;
  return (
    <section class="account" aria-label={say("account")}>
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

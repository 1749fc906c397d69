import type { Product } from "../../market/product.ts";
import type { PolicyPromise } from "../../market/policy/plain.ts";
import type { Share, ShareState } from "../../market/shares.ts";
import { Html, html } from "./html.ts";
import type { ReadyLines } from "./ready-lines.ts";

/** Everything the page tells; all of it is text to it. */
export interface SharePage {
  readonly share: Share;
  readonly state: ShareState;
  /** The sharing organisation. */
  readonly node: { readonly title: string; readonly did: string };
  /** Absent where it is offered no more. */
  readonly product: Product | undefined;
  readonly terms: readonly PolicyPromise[];
  /** The link's own path. */
  readonly path: string;
  /** The OpenID provider to log in with, if any. */
  readonly openid: string | undefined;
  /** Who is logged in there. */
  readonly as?: { readonly name: string; readonly email: string };
  /** What was typed before, and what was wrong with it. */
  readonly typed?: { readonly name: string; readonly email: string; readonly problem: string };
  /** After it was accepted just now: shown once. */
  readonly access?: { readonly token: string; readonly lines: readonly ReadyLines[] };
}

/** Who sees to it that a term is kept. */
const seenToBy: Readonly<Record<PolicyPromise["kind"], string>> = {
  enforced: "enforced by the provider on every message",
  attested: "you promise it",
  owed: "payment",
};

const closedBecause: Readonly<Record<ShareState, string>> = {
  open: "",
  unpaid:
    "This stream is paid ahead, and no payment is recorded yet. Once it is, you can accept here.",
  changed:
    "The terms have changed since this link was made, so it can no longer be accepted. Ask for a new one.",
  expired: "This link has expired. Ask for a new one.",
  accepted: "This link has been accepted. The token was shown then, once; it is not kept here.",
  ended: "The agreement has ended: nothing more is delivered under it.",
  revoked: "This link has been revoked. Nothing is delivered under it any more.",
};

export function sharePage(page: SharePage): string {
  const { share, node, product, terms, state, access } = page;
  const title = product?.title ?? share.product;
  const counted = share.payment === "billed" ? " what your client acknowledges" : "";
  return document(
    `${title} · ${node.title}`,
    html`<header>
        <p class="from">${node.title} shares with ${share.to}</p>
        <h1>${title}</h1>
        <p>${product?.description ?? ""}</p>
      </header>
      ${access ? accessPart(access, share) : notice(state)}
      <section aria-labelledby="terms">
        <h2 id="terms">Terms</h2>
        <ul>
          ${terms.map(({ text, kind }) => html`<li>${text} <i>${seenToBy[kind]}</i></li>`)}
        </ul>
        <p class="soft">
          The provider signs this agreement and records your acceptance: your name, your e-mail, the
          time, and a hash of your address. You sign nothing, so its evidence is one-sided: the
          provider alone counts${counted}. Either side can end it at any time.
        </p>
      </section>
      ${state === "open" || state === "unpaid" ? samplePart(page) : html``}
      ${state === "open" ? formPart(page) : html``}
      <footer>
        <p class="soft">
          Provider <code>${node.did}</code> · terms <code>${share.offer}</code> · this link expires
          at ${share.expiresAt}
        </p>
      </footer>`,
  );
}

/** For a link that leads nowhere: it says no more than that. */
export function noSharePage(): string {
  const text = "There is no such link. Check that you have all of it, or ask for a new one.";
  return document(
    "No such link",
    html`<h1>No such link</h1>
      <p role="alert">${text}</p>`,
  );
}

function notice(state: ShareState): Html {
  const text = closedBecause[state];
  return text === "" ? html`` : html`<p class="notice" role="status">${text}</p>`;
}

function samplePart({ path }: SharePage): Html {
  return html`<section aria-labelledby="sample-title">
    <h2 id="sample-title">Live sample</h2>
    <p class="soft" id="sample-state">
      At most ten messages, as the agreement would let them through. Without scripts they are a
      <a href="${path}/sample">plain event stream</a>.
    </p>
    <ol id="sample" data-source="${path}/sample" aria-labelledby="sample-title"></ol>
  </section>`;
}

/** Either what the provider has signed, or what is typed. */
function whoPart({ openid, as, path, typed }: SharePage, described: Html): Html {
  if (as !== undefined) {
    return html`<input type="hidden" name="login" value="yes" />
      <p>
        You accept as ${as.name} (${as.email}), by the word of ${openid ?? ""}. That is recorded.
      </p>`;
  }
  const login =
    openid === undefined
      ? html``
      : html`<p><a href="${path}/login">Log in with ${openid}</a>, or type who you are:</p>`;
  return html`${login}
    <label for="name">Your name</label>
    <input
      id="name"
      name="name"
      autocomplete="name"
      required
      maxlength="100"
      value="${typed?.name ?? ""}"
      ${described}
    />
    <label for="email">Your e-mail</label>
    <input
      id="email"
      name="email"
      type="email"
      autocomplete="email"
      required
      maxlength="254"
      value="${typed?.email ?? ""}"
      ${described}
    />`;
}

function formPart(page: SharePage): Html {
  const { share, path, typed } = page;
  const problem = typed
    ? html`<p class="notice bad" role="alert" id="problem">${typed.problem}</p>`
    : html``;
  const described = typed ? html` aria-describedby="problem"` : html``;
  return html`<section aria-labelledby="accept">
    <h2 id="accept">Accept</h2>
    ${problem}
    <form method="post" action="${path}">
      <input type="hidden" name="terms" value="${share.offer}" />
      ${whoPart(page, described)}
      <label class="check">
        <input type="checkbox" name="agree" value="yes" required />
        I accept these terms for ${share.to}
      </label>
      <button>Accept and get access</button>
    </form>
  </section>`;
}

function accessPart({ token, lines }: NonNullable<SharePage["access"]>, share: Share): Html {
  return html`<section aria-labelledby="access" class="access">
    <h2 id="access">You have access</h2>
    <p role="status">
      Keep this token now: it is shown once and kept nowhere. Whoever has it receives the stream.
    </p>
    <dl>
      <dt>User name (the agreement)</dt>
      <dd><code>${share.accepted?.agreement ?? ""}</code></dd>
      <dt>Password (the token)</dt>
      <dd><code>${token}</code></dd>
    </dl>
    ${lines.map(
      (one) =>
        html`<h3>${one.title}</h3>
          <pre tabindex="0"><code>${one.code}</code></pre>`,
    )}
  </section>`;
}

function document(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        <link rel="stylesheet" href="/share.css" />
        <script type="module" src="/share.js"></script>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `.text;
}

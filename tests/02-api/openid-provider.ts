import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";

export const client = { id: "comity node", secret: "s:cr€t" };

/** How its next ID token, or its configuration, is wrong. */
export interface Faults {
  readonly claims?: (claims: JWTPayload) => JWTPayload;
  readonly signedBy?: "stranger" | "client-secret" | "nobody";
  readonly configuration?: Readonly<Record<string, string>>;
  readonly iss?: string;
}

interface Granted {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string;
}

/** A small OpenID provider as the specifications describe one, over HTTP on loopback. */
export async function openIdProvider(algorithm: "RS256" | "ES256") {
  const keys = await generateKeyPair(algorithm);
  const stranger = await generateKeyPair(algorithm);
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: algorithm, use: "sig" };
  const codes = new Map<string, Granted>();
  const made = { issuer: "", faults: {} as Faults, asked: [] as string[] };

  const authorize = (url: URL, response: ServerResponse): void => {
    const query = url.searchParams;
    assert.equal(query.get("response_type"), "code");
    assert.equal(query.get("client_id"), client.id);
    assert.equal(query.get("code_challenge_method"), "S256");
    assert.match(query.get("scope") ?? "", /^openid /);
    const redirectUri = query.get("redirect_uri")!;
    const code = randomUUID();
    const [challenge, nonce] = [query.get("code_challenge")!, query.get("nonce")!];
    codes.set(code, { redirectUri, challenge, nonce });
    const back = new URL(redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", query.get("state")!);
    back.searchParams.set("iss", made.faults.iss ?? made.issuer);
    response.writeHead(302, { location: back.href }).end();
  };

  const token = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const form = new URLSearchParams(body);
    const granted = codes.get(form.get("code") ?? "");
    codes.delete(form.get("code") ?? ""); // good for one use
    const encoded = new URLSearchParams({ i: client.id, s: client.secret }).toString();
    const [id = "", secret = ""] = encoded.split("&").map((part) => part.slice(2));
    const expected = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
    const verifier = form.get("code_verifier") ?? "";
    const isFine =
      granted !== undefined &&
      request.headers.authorization === expected &&
      form.get("grant_type") === "authorization_code" &&
      form.get("redirect_uri") === granted.redirectUri &&
      createHash("sha256").update(verifier).digest("base64url") === granted.challenge;
    if (!isFine) return json(response, { error: "invalid_grant" }, 400);
    json(response, { token_type: "Bearer", id_token: await idToken(granted.nonce) });
  };

  const idToken = async (nonce: string): Promise<string> => {
    const now = Math.floor(Date.now() / 1000);
    const person = { sub: "248289", name: "Ann O'Hara", email: "ann@city.example" };
    const about = { iss: made.issuer, aud: client.id, iat: now, exp: now + 300, nonce };
    const right = { ...person, ...about, email_verified: true };
    const { claims = (same: JWTPayload) => same, signedBy } = made.faults;
    const payload = claims(right);
    if (signedBy === "nobody") return new UnsecuredJWT(payload).encode();
    const isShared = signedBy === "client-secret";
    const alg = isShared ? "HS256" : algorithm;
    const key = signedBy === "stranger" ? stranger.privateKey : keys.privateKey;
    const signing = new SignJWT(payload).setProtectedHeader({ alg, kid: "k1" });
    return signing.sign(isShared ? new TextEncoder().encode(client.secret) : key);
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", made.issuer);
    made.asked.push(url.pathname);
    if (url.pathname === "/authorize") authorize(url, response);
    else if (url.pathname === "/token") void token(request, response);
    else if (url.pathname === "/jwks") json(response, { keys: [jwk] });
    else if (url.pathname === "/.well-known/openid-configuration") {
      json(response, {
        issuer: made.issuer,
        authorization_endpoint: `${made.issuer}/authorize`,
        token_endpoint: `${made.issuer}/token`,
        jwks_uri: `${made.issuer}/jwks`,
        ...made.faults.configuration,
      });
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  made.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(made, {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/**
 * Federation: this node among other organisations' nodes.
 *
 * In come their requests, each with a token that is checked against the key in their DID
 * document; out go ours, signed the same way. Contracts are negotiated and transfers started
 * with the Dataspace Protocol (`dsp/`); what may not get lost on the way out waits in the outbox.
 * `link.ts` brings the streams in, `http-fetches.ts` those of connectors that serve HTTP alone, and
 * `pushes.ts` takes ours to a consumer's own broker. `crawler.ts` reads peers' catalogues, and
 * `wants.ts` asks them for what is looked for. Nobody is called at a private address unless the
 * node's owner listed them, and a peer is only ever told about its own negotiations, agreements
 * and transfers.
 *
 * This file: who we are, as the DID document says it.
 */
import { type Static, Type } from "typebox";
import type { Place } from "../kernel/place.ts";
import type { Signer } from "../ports/signer.ts";
import { dspPath } from "../wire/dsp/messages.ts";

/** What a node tells about itself. */
export interface NodeProfile {
  readonly name: string;
  readonly title: string;
  /** ISO 3166-1 alpha-2 code. */
  readonly country: string;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly place?: Place;
}

export const nodeServiceType = "ComityNode";

/** Of keys, and of services: strangers' documents are remembered too. */
const didListMax = 64;

export const DidDocument = Type.Object({
  id: Type.String({ minLength: 5, maxLength: 512 }),
  verificationMethod: Type.Array(
    Type.Object({
      id: Type.String(),
      publicKeyJwk: Type.Optional(
        Type.Object({ kty: Type.String(), crv: Type.Optional(Type.String()), x: Type.String() }),
      ),
    }),
    { maxItems: didListMax },
  ),
  assertionMethod: Type.Optional(Type.Array(Type.Unknown(), { maxItems: didListMax })),
  service: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        type: Type.Union([Type.String(), Type.Array(Type.String())]),
        serviceEndpoint: Type.Unknown(),
        name: Type.Optional(Type.String({ maxLength: 64 })),
        title: Type.Optional(Type.String({ maxLength: 200 })),
        country: Type.Optional(Type.String({ maxLength: 2 })),
        currency: Type.Optional(Type.String({ maxLength: 3 })),
        place: Type.Optional(
          Type.Object({
            lat: Type.Number(),
            lon: Type.Number(),
            name: Type.Optional(Type.String({ maxLength: 200 })),
          }),
        ),
      }),
      { maxItems: didListMax },
    ),
  ),
});
export type DidDocument = Static<typeof DidDocument>;

/** The document at `/.well-known/did.json`; `base` is the node's public URL. */
export function didDocumentOf(signer: Signer, profile: NodeProfile, base: string): DidDocument {
  const { did, keyId, publicJwk } = signer;
  const { kty, crv, x } = publicJwk;
  // member by member: whatever else the caller's object holds is not for the public
  const { name, title, country, currency, place } = profile;
  const node = { name, title, country, currency, ...(place === undefined ? {} : { place }) };
  const document = {
    "@context": [
      "https://www.w3.org/ns/did/v1",
      "https://w3id.org/security/suites/jws-2020/v1",
      "https://w3id.org/dspace/2025/1/context.jsonld",
    ],
    id: did,
    verificationMethod: [
      { id: keyId, type: "JsonWebKey2020", controller: did, publicKeyJwk: { kty, crv, x } },
    ],
    authentication: [keyId],
    assertionMethod: [keyId],
    service: [
      // DSP 2025-1 §4.4: discovery of service endpoints
      {
        id: `${did}#catalog`,
        type: "CatalogService",
        serviceEndpoint: `${base}${dspPath}/catalog`,
      },
      {
        id: `${did}#dataspace`,
        type: "DataService",
        serviceEndpoint: `${base}/.well-known/dspace-version`,
      },
      { id: `${did}#node`, type: nodeServiceType, serviceEndpoint: base, ...node },
    ],
  };
  return document;
}

/** The `ComityNode` service of a document, where it has one. */
export function nodeServiceOf(document: DidDocument) {
  return document.service?.find(({ type }) => [type].flat().includes(nodeServiceType));
}

/** Text of a service endpoint of this type; undefined where there is none. */
export function endpointOf(document: DidDocument, type: string): string | undefined {
  const found = document.service?.find((service) => [service.type].flat().includes(type));
  return typeof found?.serviceEndpoint === "string" ? found.serviceEndpoint : undefined;
}

/** Version metadata (DSP 2025-1 §4.3): unversioned, unauthenticated. */
export function versionMetadata(did: string): object {
  return {
    protocolVersions: [
      {
        version: "2025-1",
        path: dspPath,
        binding: "HTTPS",
        identifierType: "did:web",
        serviceId: `${did}#dataspace`,
      },
    ],
  };
}

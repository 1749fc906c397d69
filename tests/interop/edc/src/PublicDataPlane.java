package dev.comity.interop;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;
import org.eclipse.edc.connector.dataplane.spi.Endpoint;
import org.eclipse.edc.connector.dataplane.spi.iam.DataPlaneAuthorizationService;
import org.eclipse.edc.connector.dataplane.spi.iam.PublicEndpointGeneratorService;
import org.eclipse.edc.runtime.metamodel.annotation.Inject;
import org.eclipse.edc.runtime.metamodel.annotation.Setting;
import org.eclipse.edc.spi.security.Vault;
import org.eclipse.edc.spi.system.ServiceExtension;
import org.eclipse.edc.spi.system.ServiceExtensionContext;
import org.eclipse.edc.web.spi.WebService;
import org.eclipse.edc.web.spi.configuration.PortMapping;
import org.eclipse.edc.web.spi.configuration.PortMappingRegistry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyPairGenerator;
import java.util.Base64;
import java.util.Map;

import static org.eclipse.edc.spi.constants.CoreConstants.EDC_NAMESPACE;

/**
 * The part EDC no longer ships since 0.15: where a consumer pulls an asset over HTTP. A request's
 * token is checked by EDC's own authorization service, which answers with the asset's address;
 * what stands there is passed on. It never looks at the data and keeps nothing.
 */
public class PublicDataPlane implements ServiceExtension {

    private static final String CONTEXT = "public";

    @Setting(key = "comity.public.port", description = "Port of the public data plane")
    private int port;

    @Setting(key = "edc.transfer.proxy.token.signer.privatekey.alias", description = "Where the token's key is kept")
    private String privateKeyAlias;

    @Setting(key = "edc.transfer.proxy.token.verifier.publickey.alias", description = "Where its public half is kept")
    private String publicKeyAlias;

    @Inject
    private Vault vault;
    @Inject
    private DataPlaneAuthorizationService authorization;
    @Inject
    private PublicEndpointGeneratorService endpoints;
    @Inject
    private PortMappingRegistry ports;
    @Inject
    private WebService web;

    @Override
    public void initialize(ServiceExtensionContext context) {
        keepNewKeys();
        ports.register(new PortMapping(CONTEXT, port, "/public"));
        endpoints.addGeneratorFunction("HttpData", source -> Endpoint.url("http://localhost:%d/public".formatted(port)));
        web.registerResource(CONTEXT, new Door(authorization));
    }

    private void keepNewKeys() {
        try {
            var generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(256);
            var pair = generator.generateKeyPair();
            vault.storeSecret(privateKeyAlias, pem("PRIVATE KEY", pair.getPrivate()));
            vault.storeSecret(publicKeyAlias, pem("PUBLIC KEY", pair.getPublic()));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String pem(String kind, Key key) {
        var lines = Base64.getMimeEncoder(64, new byte[]{'\n'}).encodeToString(key.getEncoded());
        return "-----BEGIN %1$s-----\n%2$s\n-----END %1$s-----\n".formatted(kind, lines);
    }

    /** One resource: whatever path is asked for, the token says which asset it is. */
    @Path("{any:.*}")
    public static class Door {

        private final DataPlaneAuthorizationService authorization;
        private final HttpClient client = HttpClient.newHttpClient();

        Door(DataPlaneAuthorizationService authorization) {
            this.authorization = authorization;
        }

        @GET
        public Response get(@HeaderParam(HttpHeaders.AUTHORIZATION) String token) throws IOException, InterruptedException {
            if (token == null) {
                return Response.status(Response.Status.UNAUTHORIZED).build();
            }
            var source = authorization.authorize(token, Map.of());
            if (source.failed()) {
                return Response.status(Response.Status.FORBIDDEN).build();
            }
            var address = URI.create(source.getContent().getStringProperty(EDC_NAMESPACE + "baseUrl"));
            var answer = client.send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofByteArray());
            var type = answer.headers().firstValue(HttpHeaders.CONTENT_TYPE).orElse("application/octet-stream");
            return Response.status(answer.statusCode()).type(type).entity(answer.body()).build();
        }
    }
}

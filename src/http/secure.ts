import { secureHeaders } from "hono/secure-headers";

/**
 * What a browser must not do with an answer: guess its type, frame it, run anything in it, or tell others where it was. A
 * page says for itself what it needs. That a host speaks TLS alone is its proxy's to say.
 */
export const secured = secureHeaders({
  overwrite: false,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: "DENY",
  strictTransportSecurity: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

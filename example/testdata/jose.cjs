// Verifies a token with the jose package, as a back end would that knows nothing of this
// library but where its public keys are, and prints the claims.
const { createRemoteJWKSet, jwtVerify } = require('jose');

async function main() {
  const [jwks, issuer, audience, algorithm] = process.argv.slice(2);
  let token = '';
  for await (const chunk of process.stdin) token += chunk;
  const { payload } = await jwtVerify(token.trim(), createRemoteJWKSet(new URL(jwks)), {
    issuer, audience, algorithms: [algorithm], typ: 'at+jwt', requiredClaims: ['sub', 'exp', 'iat'],
  });
  console.log(JSON.stringify(payload));
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});

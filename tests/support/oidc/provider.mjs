// A real OpenID Connect provider on loopback: node provider.mjs HOST PORT REDIRECT_URI...
// Any name signs in with any password. ann@example.org has that address; unverified-… has one that nobody has verified;
// …+singers is in the group singers.
import Provider from "oidc-provider"

const [host, port, ...redirects] = process.argv.slice(2)
const issuer = `http://${host}:${port}`
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "ddsing",
      client_secret: "secret-of-the-client-ddsing",
      redirect_uris: redirects,
      post_logout_redirect_uris: redirects,
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  conformIdTokenClaims: false, // the address is in the token that Streamlit reads
  cookies: { keys: ["of this test only"] },
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: id.split("@")[0],
      email: id.includes("@") ? id : undefined,
      email_verified: !id.startsWith("unverified-"),
      groups: id.includes("+singers") ? ["singers"] : [],
    }),
  }),
})
provider.listen(Number(port), host, () => console.log("listening"))

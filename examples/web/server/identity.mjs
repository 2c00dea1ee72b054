// The identity provider. In this example it is the local issuer of the development server, which signs in two sample people
// without a password. In production this file is the only one that changes: signIn() and userToken() ask your own provider.
//
// ISSUER_URL is the address of the development server, and ISSUER_KEY the key of its page.

/** The people who can sign in. Amelie's token has the permission `refunds:write`, Ben's does not. */
export const PEOPLE = [
  { id: "amelie", name: "Amelie", about: "Support. May refund orders." },
  { id: "ben", name: "Ben", about: "Viewer. May only read." },
];

/** Tokens are renewed when they have less time left than this. */
const RENEWED_BEFORE_MS = 60_000;

/** Signs a person in. Throws if the provider does not answer. */
export async function signIn(person) {
  const response = await fetch(new URL("/_dev/token", process.env.ISSUER_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "x-agui-dev-key": process.env.ISSUER_KEY },
    body: JSON.stringify({ person: person.id }),
  });
  if (!response.ok) throw new Error(`the issuer answered ${response.status}: ${await response.text()}`);
  const { access_token: jwt, expires_in: seconds } = await response.json();
  return { jwt, until: Date.now() + seconds * 1000 };
}

/** The JWT of the person who is signed in, which the agent verifies. It is renewed when it is about to expire. */
export async function userToken(session) {
  if (session.user.until - Date.now() < RENEWED_BEFORE_MS) session.user = await signIn(session.person);
  return session.user.jwt;
}

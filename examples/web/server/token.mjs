// The shared token of the agent, read as each server should that holds it.
//
// AGUI_TOKEN_SECRET_ID names the secret in AWS Secrets Manager, with the role and the region of the environment. The token is
// kept for some minutes, and read again when the agent refuses it: so a rotation needs no restart. AGUI_TOKEN is the token
// itself, for this machine.

let client;
let kept = { token: undefined, until: 0 };
let reading;

/** For how long a token is used before the secret is read again. */
const KEPT_MS = 5 * 60_000;

/** The shared token. `refused` is a token that the agent did not accept; the secret is then read at once, not when it is due. */
export async function sharedToken(refused) {
  const { AGUI_TOKEN, AGUI_TOKEN_SECRET_ID } = process.env;
  if (!AGUI_TOKEN_SECRET_ID && !AGUI_TOKEN) throw new Error("neither AGUI_TOKEN nor AGUI_TOKEN_SECRET_ID is set");
  if (!AGUI_TOKEN_SECRET_ID) return AGUI_TOKEN;
  const isKept = kept.token !== undefined && kept.token !== refused && Date.now() < kept.until;
  if (isKept) return kept.token;
  // Requests that come meanwhile wait for the same read.
  reading ??= read().finally(() => (reading = undefined));
  return reading;
}

async function read() {
  try {
    // The SDK is loaded only where there is a secret to read. AWS_ENDPOINT_URL can name another service.
    const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
    client ??= new SecretsManagerClient();
    const command = new GetSecretValueCommand({ SecretId: process.env.AGUI_TOKEN_SECRET_ID });
    kept.token = tokenOf((await client.send(command)).SecretString);
  } catch (error) {
    // The token that was read before stays right for the grace period of a rotation, an hour by default.
    if (kept.token === undefined) throw error;
    console.error("The secret with the shared token cannot be read:", error.name);
  }
  kept.until = Date.now() + KEPT_MS;
  return kept.token;
}

/** The token in the text of the secret: the member `token` of a JSON object, or the text itself. */
function tokenOf(text) {
  return text.trimStart().startsWith("{") ? JSON.parse(text).token : text.trim();
}

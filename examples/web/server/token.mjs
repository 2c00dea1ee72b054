// The shared token of the agent, read as each server should that holds it.
//
// AGUI_TOKEN_SECRET_ID names the secret in AWS Secrets Manager, with the role and the region of the environment. The token is
// kept for some minutes, and read again when the agent refuses it: so a rotation needs no restart, and no user notices it.
// AGUI_TOKEN is the token itself, for this machine.

/** For how long a token is used before the secret is read again. */
const KEPT_MS = 5 * 60_000;

let client;
let kept = { token: undefined, until: 0 };
let reading;

/**
 * The tokens to try until the agent accepts one: the one that is kept, then the one that the secret has now, then the one before.
 * The last is right in the seconds after a rotation in which a process of the agent does not know the new one yet.
 */
export async function* sharedTokens() {
  const { AGUI_TOKEN, AGUI_TOKEN_SECRET_ID } = process.env;
  if (!AGUI_TOKEN_SECRET_ID && !AGUI_TOKEN) throw new Error("neither AGUI_TOKEN nor AGUI_TOKEN_SECRET_ID is set");
  if (!AGUI_TOKEN_SECRET_ID) {
    yield AGUI_TOKEN;
    return;
  }
  const first = Date.now() < kept.until ? kept.token : await current();
  yield first;
  // Another request may have read the secret meanwhile.
  const second = kept.token === first ? await current() : kept.token;
  if (second !== first) yield second;
  const third = await previous();
  if (third !== undefined && third !== first && third !== second) yield third;
}

/** Reads the token that is in force, and keeps it. Requests that come meanwhile wait for the same read. */
function current() {
  reading ??= read("AWSCURRENT")
    .then(keep, keepOlder)
    .finally(() => (reading = undefined));
  return reading;
}

/** Reads the token before the last rotation; undefined if the secret was never rotated. */
function previous() {
  return read("AWSPREVIOUS").catch(() => undefined);
}

async function read(stage) {
  // The SDK is loaded only where there is a secret to read. AWS_ENDPOINT_URL can name another service.
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  client ??= new SecretsManagerClient();
  const command = new GetSecretValueCommand({ SecretId: process.env.AGUI_TOKEN_SECRET_ID, VersionStage: stage });
  return tokenOf((await client.send(command)).SecretString);
}

function keep(token) {
  kept = { token, until: Date.now() + KEPT_MS };
  return token;
}

/** The token that was read before stays right for the grace period of a rotation, an hour by default. */
function keepOlder(error) {
  if (kept.token === undefined) throw error;
  console.error("The secret with the shared token cannot be read:", error.name);
  return keep(kept.token);
}

/** The token in the text of the secret: the member `token` of a JSON object, or the text itself. */
function tokenOf(text) {
  return text.trimStart().startsWith("{") ? JSON.parse(text).token : text.trim();
}

// A refused request: the same JSON as the agent's own refusals, with a sentence for the person.

export function refuse(response, status, code, message) {
  sendJson(response, status, { error: { code, message } });
}

export function sendJson(response, status, value, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  response.end(JSON.stringify(value));
}

// How the page reaches the agent: through the route of its own server, or directly, with the JWT of its user.
//
//   VITE_AGENT_URL=https://....lambda-url.us-east-1.on.aws/ npm run build
//
// builds a page that calls the function directly. The function needs AGUI_AUTH=jwt, and the origin of the page in its CORS settings.

import { HttpAgent } from "@ag-ui/client";

const url = import.meta.env.VITE_AGENT_URL;

export const agent = url ? directAgent(url, userToken) : new HttpAgent({ url: "/api/agent" });

// #region direct
/** An agent that the page calls directly. `getToken` returns the JWT of the user, and a new one if its argument is true. */
function directAgent(url, getToken) {
  const send = async (init, isNew) => {
    const headers = { ...init.headers, authorization: `Bearer ${await getToken(isNew)}` };
    return fetch(url, { ...init, headers });
  };
  return new HttpAgent({
    url,
    async fetch(_, init) {
      const response = await send(init, false);
      // The JWT has expired meanwhile. With a new one the same request is sent once more, and the user notices nothing.
      return response.status === 401 ? send(init, true) : response;
    },
  });
}
// #endregion

let token;

/** Returns the JWT of the user, here of the page's own server. In its place is the library of your identity provider. */
async function userToken(isNew) {
  if (isNew || token === undefined) {
    const response = await fetch("/api/token", { method: "POST" });
    token = (await response.json()).access_token;
  }
  return token;
}

// Refuses requests of pages of other sites, which a browser sends with the user's cookie if the cookie allows it.
//
// HOSTS are the names of this server, separated by commas. Without the check a page could make a name of its own resolve to this
// machine, and would count as the same site (DNS rebinding).

const HOSTS = (process.env.HOSTS ?? "127.0.0.1,localhost").split(",");

/** Whether a request comes from this site. Browsers write these headers and no page can change them. */
export function isSameOrigin(request) {
  const { host, origin, "sec-fetch-site": site } = request.headers;
  if (!HOSTS.includes(host?.replace(/:\d+$/, ""))) return false;
  if (site !== undefined) return site === "same-origin" || (site === "none" && request.method === "GET");
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

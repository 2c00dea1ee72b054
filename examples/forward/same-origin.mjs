/**
 * Whether a request comes from a page of this site. A browser can send the user's cookie with requests of other sites, too.
 *
 * Browsers write these headers, and no page can change them. Only a program sends neither of them, and it has no user's cookie.
 */
export function isSameOrigin(request) {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin" || site === "none";
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.get("host");
}

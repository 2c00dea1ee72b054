"""Requests that follow no redirect: it would send a token to another server. Nor does the function follow one of an issuer."""

import http.client
import urllib.request


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        """Returns no further request, so that a redirect is an HTTPError with its status."""
        return None


open_url = urllib.request.build_opener(_NoRedirects).open


def start_of(response, limit):
    """Returns the first bytes of a body, or none if they cannot be read."""
    try:
        return response.read(limit)
    except (OSError, http.client.HTTPException):
        return b""

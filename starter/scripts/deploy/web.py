"""Requests that follow no redirect: it would send a token to another server. Nor does the function follow one of an issuer."""

import urllib.request


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        """Returns no further request, so that a redirect is an HTTPError with its status."""
        return None


open_url = urllib.request.build_opener(_NoRedirects).open

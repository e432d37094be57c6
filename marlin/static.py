"""How static files are named in production: by their content, also where one script imports another."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class NamedByContent(CompressedManifestStaticFilesStorage):
    """An import by the plain name would load a second copy of a script, that acts beside the one of the page.

    Django could do this for all scripts; but it stumbles over examples in the comments of other people's.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "js/*.js",
            (
                (r"""(?P<matched>\bfrom\s*["'](?P<url>\./[\w.-]+)["'])""", 'from "%(url)s"'),
                (r"""(?P<matched>\bimport\s*["'](?P<url>\./[\w.-]+)["'])""", 'import "%(url)s"'),
            ),
        ),
    )
    # A change of a script renames those that import it, and so on: as many passes as imports are deep.
    max_post_process_passes = 12

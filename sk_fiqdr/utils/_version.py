"""The versions of this package and of those that its numbers depend on.

The build reads the first without importing anything.
"""

__version__ = "0.1.0"

FEATURE_LIBRARIES = ("torch", "torchvision", "pillow")  # from pixels to features
# From there to fits and scores; what is saved or reported names all of these.
LIBRARIES = (*FEATURE_LIBRARIES, "skorch", "scikit-learn", "scipy", "numpy")


def versions(libraries=LIBRARIES):
    """Return the installed versions, without importing the libraries.

    Parameters
    ----------
    libraries : iterable of str
        Names of distributions.

    Returns
    -------
    versions : dict of str to str
        That of sk_fiqdr comes first.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If one is not installed.
    """
    from importlib.metadata import version

    return {"sk_fiqdr": __version__} | {name: version(name) for name in libraries}

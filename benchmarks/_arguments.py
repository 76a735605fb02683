"""What benchmarks are asked for on the command line."""

import argparse


def asked(description, names=()):
    """Return which of the measures to take; show the description on ``--help``.

    Parameters
    ----------
    description : str
        The module's docstring.
    names : iterable of str, default=()
        The measures that there are.

    Returns
    -------
    names : list of str
        Those named on the command line, or all.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(names)
    if names:
        # An empty list, too, is checked against the choices.
        parser.add_argument("what", nargs="*", choices=[*names, []], metavar="what")
    return getattr(parser.parse_args(), "what", []) or names

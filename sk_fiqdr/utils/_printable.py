"""Text from files, shown so that no terminal and no page obeys it."""


def printable(text):
    r"""Return text with its control characters escaped.

    Parameters
    ----------
    text : object
        Anything; its str is taken.

    Returns
    -------
    printable : str
        Of one line, without escapes and marks of the direction of writing.

    Examples
    --------
    >>> from sk_fiqdr.utils._printable import printable
    >>> print(printable("müller\x1b[2J"))
    müller\x1b[2J
    """
    return "".join(
        sign if sign.isprintable() else repr(sign)[1:-1] for sign in str(text)
    )

"""Axes to draw on, and what all pictures have in common."""

# Distinct with every kind of colour vision (P. Tol, "bright").
POOR, GOOD, GREY = "#ee6677", "#4477aa", "#bbbbbb"


def new_axes(ax, figsize):
    """Return the Axes to fill.

    Parameters
    ----------
    ax : matplotlib Axes or None
        None makes a figure.
    figsize : tuple of float
        Its width and height in inches.

    Returns
    -------
    ax : matplotlib Axes
        Space to fill.

    Raises
    ------
    ImportError
        If there is no matplotlib.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'Pictures need matplotlib: pip install "sk-fiqdr[plots]". Without it '
            "frame() returns what would be drawn."
        ) from error
    return plt.subplots(figsize=figsize, layout="constrained")[1]


def new_panels(ax, n_rows, n_columns, figsize, **grid):
    """Return the Axes to fill, and panels inside.

    Parameters
    ----------
    ax : matplotlib Axes or None
        A subplot; None makes a figure.
    n_rows, n_columns : int
        How many panels.
    figsize : tuple of float
        Width and height of the figure in inches.
    **grid : dict
        As of matplotlib's GridSpec, such as `height_ratios`.

    Returns
    -------
    ax : matplotlib Axes
        Space to fill, itself not to be seen.
    axes : ndarray of shape (n_rows, n_columns)
        The panels, in a SubFigure of their own.

    Raises
    ------
    ValueError
        If `ax` is not a subplot.
    """
    ax = new_axes(ax, figsize)
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            f"A picture of {n_rows * n_columns} panels needs a subplot to fill, got "
            f"{ax!r}, which was put at its place by hand. Use plt.subplots, or "
            "ax=None."
        )
    ax.set_axis_off()
    ax.set_in_layout(False)
    part = ax.figure.add_subfigure(place)
    return ax, part.subplots(n_rows, n_columns, squeeze=False, gridspec_kw=grid)


def say(ax, text):
    """Write into an empty panel why it is empty.

    Parameters
    ----------
    ax : matplotlib Axes
        The panel.
    text : str
        The reason.
    """
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    ax.set(xticks=[], yticks=[])


def tidy(ax):
    """Leave out the frame's upper and right side.

    Parameters
    ----------
    ax : matplotlib Axes
        The panel.
    """
    ax.spines[["top", "right"]].set_visible(False)

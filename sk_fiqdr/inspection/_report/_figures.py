"""Pictures of a report as the address of an image that holds them."""

import base64
import io

DPI = 110


def draw(size, fill, *, photographs=False):
    """Draw one picture, without pyplot, which would keep it.

    Parameters
    ----------
    size : (float, float)
        Width and height in inches.
    fill : callable
        Takes the Axes to draw in.
    photographs : bool, default=False
        As JPEG, in place of SVG.

    Returns
    -------
    source : str
        A ``data:`` address.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    with matplotlib.rc_context({"svg.hashsalt": "sk_fiqdr"}):
        fill(figure.subplots())
        file = io.BytesIO()
        if photographs:
            figure.savefig(file, format="jpeg", dpi=DPI, pil_kwargs={"quality": 85})
            kind = "jpeg"
        else:
            figure.savefig(file, format="svg", metadata={"Date": None})
            kind = "svg+xml"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"

"""A report on a model in one HTML file."""

from datetime import date
from html import escape
from pathlib import Path

from ...utils._files import written_whole
from ._predictions import collect
from ._sections import SECTIONS, headline

TEMPLATE = "report.html.jinja"


class EstimatorReport:
    """What `estimator_report` returns: a page, and the tables on it.

    Parameters
    ----------
    html : str
        The page; it loads nothing from elsewhere.
    tables : dict of str to DataFrame
        The tables, by the name of their section: "grading", "quality", "reasons",
        "refusing", "data", "settings" and "versions", if present.
    title : str
        Title of the page.

    See Also
    --------
    estimator_report : Makes it.

    Examples
    --------
    >>> from sk_fiqdr.inspection import EstimatorReport
    >>> EstimatorReport(html="<p>kappa</p>", tables={}, title="A model")
    EstimatorReport('A model', 0 tables, 0.0 MB)
    """

    def __init__(self, *, html, tables, title):
        self.html = html
        self.tables = tables
        self.title = title

    def __repr__(self):
        size = len(self.html) / 1e6
        return (
            f"EstimatorReport({self.title!r}, {len(self.tables)} tables, {size:.1f} MB)"
        )

    def _repr_html_(self):
        # A frame of its own, so that its styles change nothing in the notebook.
        page = escape(self.html, quote=True)
        return (
            f'<iframe srcdoc="{page}" title="{escape(self.title, quote=True)}" '
            'style="width: 100%; height: 80vh; border: 1px solid #bbb"></iframe>'
        )

    def save(self, path):
        """Write the page into a file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file; one that is there is replaced.

        Returns
        -------
        path : Path
            The same.

        Raises
        ------
        FileNotFoundError, IsADirectoryError
            If its folder is not there, or it is a folder itself.
        """
        with written_whole(path) as draft:
            draft.write_text(self.html, encoding="utf-8")
        return Path(path)


def estimator_report(
    estimator,
    X,
    y,
    *,
    groups=None,
    title=None,
    n_images=8,
    n_bootstraps=1000,
    random_state=0,
):
    """Report on a fitted model on one page: scores, plots, mistakes, data.

    The page is one HTML file that loads nothing from elsewhere. It contains photographs
    and file names, which may identify patients: take care when you pass it on. What
    cannot be shown for this model or these data is left out, with the reason.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Fitted, of both tasks or of one.
    X : array-like
        Paths, uint8 images, or features; of patients that it has not been trained on.
    y : array-like of shape (n_samples, 2) or (n_samples,)
        Grade and quality, or the labels of the only task; -1 where unknown.
    groups : array-like of shape (n_samples,), default=None
        Patient of each row, for the intervals; read from the names of files by
        default, else each row is one.
    title : str, default=None
        Title of the page; the name of the estimator's class by default.
    n_images : int, default=8
        Number of photographs in each gallery, at most.
    n_bootstraps : int, default=1000
        Number of draws of patients for each interval.
    random_state : int, RandomState or None, default=0
        Makes the draws repeat.

    Returns
    -------
    report : EstimatorReport
        With `save`, `html` and `tables`; a notebook shows it.

    Raises
    ------
    ImportError
        If matplotlib or Jinja2 is missing, with the extra that brings them.
    ValueError, TypeError
        If X, y and groups do not fit together or to the estimator.
    PatientLeakageError
        If the estimator sees that it was trained on a patient's other image.

    Examples
    --------
    >>> import tempfile
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.inspection import estimator_report
    >>> X, y = make_fundus(20, image_size=64, random_state=0, return_X_y=True)
    >>> net = FIQDRClassifier(image_size=64, max_epochs=1, random_state=0).fit(X, y)
    >>> report = estimator_report(net, X, y, n_images=2, n_bootstraps=50)
    >>> round(float(report.tables["quality"].loc["n", "value"]))
    20
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report.save(folder + "/report.html").name
    'report.html'
    """
    template = _template()
    report_data = collect(
        estimator,
        X,
        y,
        groups=groups,
        n_images=n_images,
        n_bootstraps=n_bootstraps,
        random_state=random_state,
    )
    sections = [section for make in SECTIONS if (section := make(report_data))]
    title = type(estimator).__name__ if title is None else str(title)
    html = template.render(
        title=title,
        date=date.today().isoformat(),
        estimator=type(estimator).__name__,
        headline=headline(sections, report_data),
        sections=sections,
    )
    tables = {key: table for it in sections for key, table in it.tables.items()}
    return EstimatorReport(html=html, tables=tables, title=title)


def _template():
    try:
        import jinja2
        import matplotlib  # noqa: F401 the error is better here than in each section
    except ImportError as error:
        raise ImportError(
            "The report needs matplotlib and Jinja2: pip install "
            '"sk-fiqdr[inspection]".'
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(TEMPLATE)

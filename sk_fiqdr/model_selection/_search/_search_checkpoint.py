"""Searches that resume after their process was killed."""

import os
import warnings
from pathlib import Path

from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import get_tags

from ...utils._digest import digest
from ._cached_fits import RecallingEstimator, RecallingResults, recalling_scorer
from ._records import Records

FORMAT = 2


class SearchCheckpoint(MetaEstimatorMixin, BaseEstimator):
    """Resume a search that was killed.

    The scores of each candidate on each fold are stored in a folder as soon as they are
    known. After a kill, run the same script again: only what is missing is fitted, and
    `cv_results_` equals that of an uninterrupted search, with the times that were
    measured first.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV or the like
        Not fitted, of any estimator or Pipeline.
    folder : str or Path
        Where results are stored. Any number of searches may share it.

    Attributes
    ----------
    search_ : GridSearchCV or the like
        The fitted search, whose attributes and methods, such as `cv_results_` and
        `predict`, are also those of the SearchCheckpoint.
    n_reused_ : int
        Number of results, of a candidate on a fold, that were in the folder.

    Notes
    -----
    A result is reused if all of this is equal: class and parameters of the estimator,
    except those that only say how and where to compute (`n_jobs`, `verbose`, `memory`,
    `device` and the like); the rows for training and scoring; fit parameters; scoring;
    versions of the libraries. Files count by name, folder name, size and time of
    change, functions by their source, other data by content. Failed fits are not
    stored. With ``random_state=None`` any fit is acceptable: a stored one is reused.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sk_fiqdr.model_selection import SearchCheckpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1, 10]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = SearchCheckpoint(search, folder).fit(X, y)
    ...     again = SearchCheckpoint(search, folder).fit(X, y)
    >>> first.n_reused_, again.n_reused_
    (0, 15)
    >>> again.best_params_
    {'C': 1}
    """

    _parameter_constraints = {  # noqa: RUF012
        "search": [BaseSearchCV],
        "folder": [str, os.PathLike],
    }

    def __init__(self, search, folder):
        self.search = search
        self.folder = folder

    def __getattr__(self, name):
        if name.startswith("_") or name in ("search", "search_", "folder"):
            raise AttributeError(name)
        return getattr(vars(self).get("search_", self.search), name)

    def __sklearn_tags__(self):
        return get_tags(self.search)

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **params):
        """Search, and reuse the results that are in the folder.

        Parameters
        ----------
        X, y, **params : object
            As for the search.

        Returns
        -------
        self : SearchCheckpoint
            With the fitted search.
        """
        search = clone(self.search)
        search._validate_params()
        _warn_of_chance(search)
        try:
            os.makedirs(self.folder, exist_ok=True)
        except OSError as error:
            raise OSError(
                error.errno,
                f"folder={str(self.folder)!r} cannot be written to ({error.strerror}). "
                "Choose another folder.",
            ) from error
        estimator, scoring = search.estimator, search.scoring
        train_scores = search.return_train_score
        asked = digest([FORMAT, scoring, train_scores])
        records = Records(Path(self.folder).resolve(), asked, train_scores)
        scorer, _ = search._get_scorers()
        search.set_params(
            estimator=RecallingEstimator(estimator, records),
            scoring=recalling_scorer(scorer),
        )
        # It sees the results of each fit before they become means over the folds.
        search._format_results = RecallingResults(search._format_results)
        search.fit(X, y, **params)
        self.n_reused_ = vars(search).pop("_format_results").n_reused
        search.set_params(estimator=estimator, scoring=scoring)
        search.scorer_ = getattr(scorer, "_scorers", scorer)  # a dict of several
        if hasattr(search, "best_estimator_"):
            search.best_estimator_ = search.best_estimator_.fitted()
        self.search_ = search
        return self


def _warn_of_chance(search):
    """Warn if the resumed search would draw other candidates or folds."""
    drawn = []
    if getattr(search, "random_state", 0) is None:
        if hasattr(search, "param_distributions"):
            drawn.append("candidates anew: give it a random_state")
        if getattr(search, "resource", None) == "n_samples":
            drawn.append("samples anew: give it a random_state")
    cv = search.cv
    if getattr(cv, "random_state", 0) is None and getattr(cv, "shuffle", True):
        drawn.append(f"folds anew: give {cv!r} a random_state")
    if drawn:
        warnings.warn(
            f"Each time it is fitted, {type(search).__name__} draws its "
            f"{', and its '.join(drawn)}. Otherwise hardly any result is reused.",
            stacklevel=4,
        )

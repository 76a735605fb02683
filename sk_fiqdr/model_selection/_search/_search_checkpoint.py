"""Searches that outlive their process."""

import os
import re
import uuid
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.metrics import check_scoring
from sklearn.utils import get_tags

from ...utils._digest import digest
from ._recall import RecallingEstimator, RecallingScorer
from ._records import FORMAT, Records, candidate_key, data_key, versions

MEAN, SPLIT = "mean_test_", re.compile(r"split\d+_test_")


class SearchCheckpoint(MetaEstimatorMixin, BaseEstimator):
    """Let a search go on where it was killed.

    Around any of scikit-learn's searches: what each candidate scores on each fold is
    kept in a folder as soon as it is known. Run the same script again, and only what is
    missing is fitted; `cv_results_` is what it would have been, with the times that
    were measured at first.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV or the like
        Not fitted; of any estimator, a Pipeline too.
    folder : str or Path
        Where results are kept. Any number of searches may share it.

    Attributes
    ----------
    search_ : GridSearchCV or the like
        The search, fitted. Its attributes and methods, such as `cv_results_`,
        `best_estimator_` and `predict`, are those of the SearchCheckpoint, too.
    n_reused_ : int
        How many results, of a candidate on a fold, were there already.

    Notes
    -----
    A result is known by the class and all parameters of the estimator, but for those
    that only say how and where to compute (`n_jobs`, `verbose`, `memory`, `device` and
    the like), by the rows that are trained and scored on, fit parameters, scoring, and
    the versions of the libraries. Whatever else is searched, and on which folds, makes
    no difference: a larger grid reuses what a smaller one has found.

    - Files count by their name, the name of their folder, size and time of change; all
      other data by its content.
    - Functions count by their own code, not by that of functions which they call, and
      classes by their name.
    - A fit that failed is not kept, and tried again.
    - ``random_state=None`` of an estimator means that any fit will do: one that was
      made before is taken.

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

    def __init__(self, search, folder):
        self.search = search
        self.folder = folder

    def __getattr__(self, name):
        if name.startswith("_") or name in ("search", "search_", "folder"):
            raise AttributeError(name)
        return getattr(vars(self).get("search_", self.search), name)

    def __sklearn_tags__(self):
        return get_tags(self.search)

    def fit(self, X, y=None, **params):
        """Search, and take over what has been found before.

        Parameters
        ----------
        X, y, **params : object
            As the search takes them.

        Returns
        -------
        self : SearchCheckpoint
            With the search fitted.

        Raises
        ------
        TypeError
            If `search` or `folder` is none.
        OSError
            If the folder cannot be made.
        """
        self._check_parameters()
        search = clone(self.search)
        _warn_of_chance(search)
        estimator, scoring = search.estimator, search.scoring
        scorers = _scorers(estimator, scoring)
        records = self._open(scoring, len(scorers), X, y, params)
        recalling = {
            name: RecallingScorer(scorer, name) for name, scorer in scorers.items()
        }
        search.set_params(
            estimator=RecallingEstimator(estimator, records),
            scoring=recalling if _is_several(scoring) else recalling["score"],
        )
        refit = search.refit
        if callable(refit):
            search.set_params(refit=_Refit(refit, estimator, records))
        search.fit(X, y, **params)
        search.set_params(estimator=estimator, scoring=scoring, refit=refit)
        search.scorer_ = scorers if _is_several(scoring) else scorers["score"]
        if hasattr(search, "best_estimator_"):
            search.best_estimator_ = search.best_estimator_.fitted()
        self.n_reused_ = _restore_times(search.cv_results_, estimator, records)
        self.search_ = search
        return self

    def _check_parameters(self):
        if not hasattr(self.search, "fit") or not {"estimator", "scoring"} <= set(
            self.search.get_params(deep=False)
            if hasattr(self.search, "get_params")
            else ()
        ):
            raise TypeError(
                "search must be one of scikit-learn's searches, such as "
                f"GridSearchCV(...), got {self.search!r}."
            )
        if not isinstance(self.folder, str | os.PathLike):
            raise TypeError(f"folder must be a str or Path, got {self.folder!r}.")

    def _open(self, scoring, n_metrics, X, y, params):
        # Groups decide about folds, and these count by their rows.
        params = {name: value for name, value in params.items() if name != "groups"}
        scoring = digest([FORMAT, versions(), scoring])
        folder = Path(self.folder) / f"search-{data_key(scoring, X, y, params)[:20]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                error.errno,
                f"folder={str(self.folder)!r} cannot be written to ({error.strerror}). "
                "Choose another folder.",
            ) from error
        parts = 2 if getattr(self.search, "return_train_score", False) else 1
        return Records(
            folder.resolve(),
            uuid.uuid4().hex,
            n_metrics=n_metrics,
            n_scores=n_metrics * parts,
        )


def _is_several(scoring):
    return (
        scoring is not None and not isinstance(scoring, str) and not callable(scoring)
    )


def _scorers(estimator, scoring):
    """Return the scorers by their names; "score" is that of a single one."""
    if not _is_several(scoring):
        return {"score": check_scoring(estimator, scoring)}
    check_scoring(estimator, scoring)  # its words where something is wrong
    named = scoring if isinstance(scoring, dict) else {name: name for name in scoring}
    return {name: check_scoring(estimator, scorer) for name, scorer in named.items()}


def _warn_of_chance(search):
    """Warn where another run of the search would draw other candidates or folds."""
    cv, drawn = getattr(search, "cv", None), []
    if getattr(search, "random_state", 0) is None:
        if hasattr(search, "param_distributions"):
            drawn.append("its candidates anew: give it a random_state")
        if getattr(search, "resource", None) == "n_samples":
            drawn.append("its samples anew: give it a random_state")
    if getattr(cv, "random_state", 0) is None and getattr(cv, "shuffle", True):
        drawn.append(f"its folds anew: give {cv!r} a random_state")
    if drawn:
        warnings.warn(
            f"If it is killed, {type(search).__name__} draws {', and '.join(drawn)}. "
            "Else it will hardly find a result again.",
            UserWarning,
            stacklevel=3,
        )


class _Refit:
    """A user's choice of the best candidate, who may look at times."""

    def __init__(self, refit, estimator, records):
        self.refit, self.estimator, self.records = refit, estimator, records

    def __call__(self, results):
        _restore_times(results, self.estimator, self.records)
        return self.refit(results)


def _restore_times(results, estimator, records):
    """Put the times that were measured at first into `cv_results_`.

    Returns
    -------
    n_reused : int
        How many results are of another run.
    """
    found = records.read_all()
    metrics = [name[len(MEAN) :] for name in results if name.startswith(MEAN)]
    n_splits = sum(bool(SPLIT.match(name)) for name in results) // len(metrics)
    n_reused = 0
    for row, parameters in enumerate(results["params"]):
        candidate = clone(estimator).set_params(**clone(parameters, safe=False))
        left = list(found.get(candidate_key(candidate), ()))
        taken = []
        for split in range(n_splits):
            wanted = [results[f"split{split}_test_{name}"][row] for name in metrics]
            same = [record for record in left if _has(record, metrics, wanted)]
            if same:  # equal scores of two folds may change places: means are kept
                taken.append(same[0])
                left.remove(same[0])
        n_reused += sum(record["run"] != records.run for record in taken)
        if len(taken) == n_splits:  # else a fold has failed
            for name in ("fit_time", "score_time"):
                times = [_time(record, name) for record in taken]
                results[f"mean_{name}"][row] = np.mean(times)
                results[f"std_{name}"][row] = np.std(times)
    return n_reused


def _has(record, metrics, wanted):
    scores = {}
    for score in _test_scores(record):
        value = score["value"]
        scores |= value if isinstance(value, dict) else {score["metric"]: value}
    given = [scores.get(name, np.nan) for name in metrics]
    return np.array_equal(given, wanted, equal_nan=True)


def _test_scores(record):
    return [score for score in record["scores"].values() if score["part"] == "test"]


def _time(record, name):
    if name == "fit_time":
        return record["fit_time"]
    return sum(score["score_time"] for score in _test_scores(record))

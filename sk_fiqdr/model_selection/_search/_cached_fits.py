"""Stand-ins for the estimator and the scorer of a search, which look for results first.

They do what a search asks of an estimator (clone, set_params, fit) and of a scorer (a
call). A fit whose record is found waits, and is made up for if a score is missing.
"""

import time

from sklearn.base import clone
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.utils import get_tags

from ...utils._digest import digest
from ...utils._interrupts import noticing_ctrl_c
from ._records import candidate_key, data_key


class StandIn:
    """Has the attributes and the signature of what it stands for."""

    def __getattr__(self, name):
        if name.startswith("__") or name == "set_callbacks":
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def __repr__(self):
        return repr(self.__wrapped__)


class RecallingEstimator(StandIn):
    """Fits an estimator only where `records` do not hold the scores of the same fit."""

    def __init__(self, estimator, records):
        self.__wrapped__, self.records = estimator, records
        self.parameters, self.postponed = {}, None

    def __sklearn_clone__(self):
        return RecallingEstimator(clone(self.__wrapped__), self.records)

    def __sklearn_tags__(self):
        return get_tags(self.__wrapped__)

    def set_params(self, **parameters):
        """Set the estimator's parameters, those of a candidate."""
        self.__wrapped__.set_params(**parameters)
        self.parameters = parameters
        return self

    def fit(self, X, y=None, **params):
        """Fit the estimator, or find the record of the same fit."""
        self.rows = data_key(X, y)
        candidate, scoring = candidate_key(self.__wrapped__), self.records.scoring
        self.key = digest([candidate, self.rows, data_key(params), scoring])
        self.record = self.records.read(self.key)
        self.postponed = X, y, params
        if self.record is None:
            self.record = {"parameters": repr(self.parameters), "scores": {}}
            self.fitted()
        return self

    def fitted(self):
        """Return the estimator, fitted now if that was postponed."""
        if self.postponed is not None:
            X, y, params = self.postponed
            start = time.time()
            with noticing_ctrl_c() as pressed:
                self.__wrapped__.fit(*((X,) if y is None else (X, y)), **params)
            if pressed.is_set():  # nets keep what they have learned; a search does not
                raise KeyboardInterrupt
            self.record["fit_time"] = time.time() - start
            self.postponed = None
        return self.__wrapped__

    def recall(self, scorer, X, y, params):
        """Return the score on some rows: from the record, or after a fit."""
        scores, rows = self.record["scores"], data_key(X, y)
        part = f"{rows} {data_key(params)}"
        if part not in scores:
            estimator, start = self.fitted(), time.time()
            value = scorer(estimator, *((X,) if y is None else (X, y)), **params)
            seconds = time.time() - start
            try:
                scores[part] = {"value": _as_floats(value), "score_time": seconds}
            except (TypeError, ValueError):  # not a number: left to scikit-learn
                return value
            # At once, for test and training scores of one record are of one fit.
            if not self.records.train_scores or any(
                part.startswith(self.rows) for part in scores
            ):
                self.records.write(self.key, self.record)
        times = {
            "fit_time": self.record["fit_time"],
            "score_time": scores[part]["score_time"],
        }
        return _as_scores(scores[part]["value"], times, self.postponed is not None)


class RecallingScorer(StandIn):
    """Asks a RecallingEstimator for its score by `scorer`."""

    def __init__(self, scorer):
        self.__wrapped__ = scorer

    def __call__(self, estimator, X, y=None, **params):
        return estimator.recall(self.__wrapped__, X, y, params)


class RecallingScorers(_MultimetricScorer):
    """Asks a RecallingEstimator for its scores by several scorers."""

    def __call__(self, estimator, X, y=None, **params):
        return estimator.recall(super().__call__, X, y, params)


def recalling_scorer(scorer):
    """Return a stand-in for the scorer, or the scorers, of a search."""
    if not isinstance(scorer, _MultimetricScorer):
        return RecallingScorer(scorer)
    return RecallingScorers(scorers=scorer._scorers, raise_exc=scorer._raise_exc)


class Score(float):
    """A score that carries its times, and whether it was found."""


class RecallingResults:
    """Formats the results of a search with the times that were measured first."""

    def __init__(self, format_results):
        self.format_results = format_results

    def __call__(self, candidates, n_splits, out, *args):
        """Format `out`, a dict for each fit, after its times are set."""
        scores = [_first(result["test_scores"]) for result in out]
        for result, score in zip(out, scores, strict=True):
            result.update(getattr(score, "times", {}))  # none where it has failed
        self.n_reused = sum(getattr(score, "reused", False) for score in scores)
        return self.format_results(candidates, n_splits, out, *args)


def _first(scores):
    return next(iter(scores.values())) if isinstance(scores, dict) else scores


def _as_floats(value):
    if isinstance(value, dict):
        return {name: _as_floats(score) for name, score in value.items()}
    if isinstance(value, str):  # of a scorer among others that has failed
        raise TypeError(value)
    return float(value.item() if hasattr(value, "item") else value)


def _as_scores(value, times, reused):
    if isinstance(value, dict):
        return {name: _as_scores(one, times, reused) for name, one in value.items()}
    score = Score(value)
    score.times, score.reused = times, reused
    return score

"""An estimator and a scorer that stand for others in a search, and look up first.

A search asks little of both, and that in public: clone, set_params and fit of the one,
a call of the other. Here `fit` waits where a record of the same candidate and the same
rows is found, and the scorer reads from it; only if it cannot, the fit is made up for.
"""

import inspect
import numbers
import time

from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object

from ...utils._interrupts import noticing_ctrl_c
from ._records import candidate_key, data_key


class RecallingEstimator:
    """Stands for an estimator, and fits it only where no record is found.

    Parameters
    ----------
    estimator : estimator
        The one to fit.
    records : Records
        Where to look up, and to write.
    """

    def __init__(self, estimator, records):
        self.estimator = estimator
        self.records = records
        self.candidate = {}
        self.record = None
        self._postponed = None
        self._n_asked = self._n_answered = 0

    def __getattr__(self, name):
        if name.startswith("_") or name in ("estimator", "set_callbacks"):
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def __repr__(self):
        return repr(self.estimator)

    def __sklearn_clone__(self):
        return RecallingEstimator(clone(self.estimator), self.records)

    def __sklearn_tags__(self):
        return get_tags(self.estimator)

    def get_params(self, deep=True):
        """Return the estimator's parameters."""
        return self.estimator.get_params(deep=deep)

    def set_params(self, **parameters):
        """Set the estimator's parameters, and remember which they were."""
        self.estimator.set_params(**parameters)
        self.candidate |= {name: repr(value) for name, value in parameters.items()}
        return self

    def fit(self, X, y=None, **params):
        """Fit the estimator, or see that it was fitted and scored before."""
        candidate = candidate_key(self.estimator)
        key = data_key(candidate, X, y, params)
        self.record = self.records.read(key)
        self._postponed = X, y, params
        if self.record is None:
            self.record = {
                "key": key,
                "candidate": candidate,
                "parameters": self.candidate,
                "scores": {},
            }
            self.fitted()
        return self

    def fitted(self):
        """Return the estimator, fitted now if it has not been."""
        if self._postponed is not None:
            X, y, params = self._postponed
            start = time.time()
            with noticing_ctrl_c() as pressed:
                if y is None:
                    self.estimator.fit(X, **params)
                else:
                    self.estimator.fit(X, y, **params)
            if pressed.is_set():  # nets keep what they have learned; a search does not
                raise KeyboardInterrupt
            self.record["fit_time"] = time.time() - start
            self.record["run"] = self.records.run
            self._postponed = None
        return self.estimator

    def recall(self, name, scorer, X, y, params):
        """Return what a scorer says of the fitted estimator, or has said before."""
        key = data_key(name, X, y, params)
        part = "test" if self._n_asked < self.records.n_metrics else "train"
        self._n_asked += 1
        scores = self.record["scores"]
        if key in scores:
            self._n_answered += 1
            return scores[key]["value"]
        estimator = self.fitted()
        start = time.time()
        value = scorer(estimator, *((X,) if y is None else (X, y)), **params)
        self._n_answered += 1
        scores[key] = {
            "metric": name,
            "part": part,
            "value": _plain(value),
            "score_time": time.time() - start,
        }
        # All at once: scores of one record are scores of one fit.
        if self._n_answered == self.records.n_scores and _is_plain(scores):
            self.records.write(self.record)
        return value


class RecallingScorer:
    """Stands for a scorer, and asks the records first.

    Parameters
    ----------
    scorer : callable
        ``scorer(estimator, X, y)``.
    name : str
        Of the scorer among others.
    """

    def __init__(self, scorer, name):
        self.scorer = scorer
        self.name = name

    def __call__(self, estimator, X, y=None, **params):
        return estimator.recall(self.name, self.scorer, X, y, params)

    def __repr__(self):
        return repr(self.scorer)

    def _accept_sample_weight(self):
        """Whether the scorer takes weights; scikit-learn asks scorers by this name."""
        if hasattr(self.scorer, "_accept_sample_weight"):
            return self.scorer._accept_sample_weight()
        return "sample_weight" in inspect.signature(self.scorer).parameters

    def get_metadata_routing(self):
        """Return what metadata the scorer asks for."""
        return get_routing_for_object(self.scorer)


def _plain(value):
    """Return a score, or a dict of them, as JSON keeps it; None where it is neither."""
    if isinstance(value, dict):
        return {name: _plain(score) for name, score in value.items()}
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, numbers.Real) else None


def _is_plain(scores):
    values = [score["value"] for score in scores.values()]
    for value in values:
        if value is None or (isinstance(value, dict) and None in value.values()):
            return False
    return True

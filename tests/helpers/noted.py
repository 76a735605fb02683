"""An estimator for tests, in a module of its own that worker processes import fast."""

import os
import time

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class Noted(ClassifierMixin, BaseEstimator):
    """A classifier that notes in a file, for all processes, each fit that it ends."""

    def __init__(self, C=1.0, solver="lbfgs", log=None, seconds=0.0, fails_for=None):
        self.C = C
        self.solver = solver
        self.log = log
        self.seconds = seconds
        self.fails_for = fails_for

    def fit(self, X, y, sample_weight=None):
        time.sleep(self.seconds)
        if self.fails_for == self.C and not os.path.exists(f"{self.log}-mended"):
            raise ValueError("this one fails")
        self.model_ = LogisticRegression(C=self.C, solver=self.solver)
        self.model_.fit(X, y, sample_weight=sample_weight)
        self.classes_ = self.model_.classes_
        if self.log is not None:
            with open(self.log, "a") as file:
                file.write(f"{self.C} {len(X)} {X[0, 0]:.8f} {X[-1, 0]:.8f}\n")
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

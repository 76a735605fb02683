"""A leak is found through whatever holds the estimator that was trained on images."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier
from sk_fiqdr.metrics import kappa_scorer
from sk_fiqdr.model_selection import (
    PatientLeakageError,
    PatientStratifiedKFold,
    QualityGate,
)

N = 24


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    """Both eyes of twelve patients, left and right in turns."""
    folder, rng = tmp_path_factory.mktemp("eyes"), np.random.default_rng(0)
    paths = [
        folder / f"{row // 2}_{('left', 'right')[row % 2]}.png" for row in range(N)
    ]
    for path in paths:
        pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return pd.DataFrame({"path": list(map(str, paths)), "age": np.arange(float(N))})


def features():
    return DeepFeatures("mobilenet_v3_small", weights=None, image_size=32)


def heads():
    return FIQDRClassifier(backbone=None, max_epochs=1, random_state=0)


def logistic():
    return make_pipeline(features(), LogisticRegression())


def by_column():
    steps = [("eye", features(), ["path"]), ("age", StandardScaler(), ["age"])]
    return ColumnTransformer(steps)


def nested():
    return make_pipeline(make_pipeline("passthrough", make_union(features())), heads())


def gate():
    return QualityGate(make_pipeline(features(), heads()), max_refused=0.1, cv=2)


def grader():
    return DRGrader(
        backbone="mobilenet_v3_small",
        weights=None,
        image_size=32,
        max_epochs=1,
        random_state=0,
    )


TWO_TASKS = {
    "union": lambda: make_pipeline(make_union(features()), heads()),
    "columns": lambda: make_pipeline(by_column(), heads()),
    "union in a Pipeline": nested,
    "gate": gate,
}
GRADES_ALONE = {
    "voting": lambda: VotingClassifier([("one", logistic())], voting="soft"),
    "stacking": lambda: StackingClassifier([("one", logistic())], cv=2),
    "calibrated": lambda: CalibratedClassifierCV(logistic(), cv=2),
    "search": lambda: GridSearchCV(logistic(), {}, cv=2),
    "bagging": lambda: BaggingClassifier(grader(), n_estimators=2, bootstrap=False),
}


@pytest.mark.filterwarnings("ignore:.*(patients|Patients)")
@pytest.mark.parametrize("name", [*TWO_TASKS, *GRADES_ALONE])
def test_scoring_the_fellow_eye_of_one_trained_on_is_refused(name, frame):
    alone = name in GRADES_ALONE
    y = np.c_[np.arange(N) // 2 % 2, np.arange(N) // 4 % 2]
    y = y[:, 0] if alone else y
    X = frame if name == "columns" else frame["path"].to_numpy()
    X = frame[["path"]] if name == "bagging" else X
    estimator = (GRADES_ALONE if alone else TWO_TASKS)[name]()
    estimator.fit(X[::2], y[::2])
    assert np.isfinite(kappa_scorer(estimator, X[::2], y[::2]))  # a training score
    with pytest.raises(PatientLeakageError, match="12 patients"):
        kappa_scorer(estimator, X, y)


def test_the_score_of_a_gate_sees_the_features_before_the_net(frame):
    paths, y = frame["path"].to_numpy(), np.c_[np.arange(N) % 2, np.arange(N) // 4 % 2]
    fitted = gate().fit(paths[::2], y[::2])
    with pytest.raises(PatientLeakageError, match="12 patients"):
        fitted.score(paths, y)


@pytest.mark.parametrize("as_column", [pd.DataFrame, lambda it: it.to_numpy()])
def test_patients_are_read_from_a_column_of_paths(as_column, frame):
    y = np.c_[np.arange(N) // 2 % 2, np.arange(N) // 4 % 2]
    folds = PatientStratifiedKFold(3)
    wanted = [test.tolist() for _, test in folds.split(frame["path"].tolist(), y)]
    column = as_column(frame[["path"]])
    assert [test.tolist() for _, test in folds.split(column, y)] == wanted

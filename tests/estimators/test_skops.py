"""skops stores fitted nets, and what is built around them, and returns the same."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.fits import make_features
from helpers.networks import TinyBackbone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochScoring, LRScheduler

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.callbacks import EarlyStopping
from sk_fiqdr.metrics import kappa_scorer
from sk_fiqdr.model_selection import (
    CalibratedTasksCV,
    ConformalGradesCV,
    FellowEyeClassifier,
    PatientStratifiedKFold,
    PatientValidSplit,
    QualityGate,
    TunedGradeThresholdsCV,
)

sio = pytest.importorskip("skops.io")

HEADS = {"backbone": None, "max_epochs": 2, "random_state": 0}
PATIENTS = np.repeat(np.arange(100), 2)
EYES = np.tile(["left", "right"], 100)


def through_skops(estimator):
    data = sio.dumps(estimator)
    return sio.loads(data, trusted=sio.get_untrusted_types(data=data))


def net(**settings):
    return FIQDRClassifier(**HEADS, **settings)


def scaled():
    return make_pipeline(StandardScaler(), net())


def assert_answers_alike(found, expected, X, **names):
    for method in ("predict", "predict_proba", "predict_tasks", "transform"):
        if hasattr(expected, method):
            for one, other in zip(
                getattr(found, method)(X, **names),
                getattr(expected, method)(X, **names),
                strict=True,
            ):
                np.testing.assert_array_equal(one, other)


SPLIT = PatientValidSplit(0.3, random_state=0)
NETS = {
    "both tasks": lambda: net(),
    "the grade": lambda: DRGrader(**HEADS),
    "the quality": lambda: QualityClassifier(**HEADS),
    "ridge": lambda: net(solver="ridge"),
    "AdamW": lambda: net(optimizer=torch.optim.AdamW, gradient_clip=1.0),
    "weights as a tensor": lambda: DRGrader(
        **HEADS,
        criterion=torch.nn.CrossEntropyLoss,
        criterion__weight=torch.linspace(1, 2, 5),
    ),
    "early stopping": lambda: net(train_split=SPLIT, early_stopping=1),
    "stopped by kappa": lambda: net(
        train_split=SPLIT,
        callbacks=[
            EpochScoring(kappa_scorer, lower_is_better=False, name="kappa"),
            EarlyStopping("kappa", lower_is_better=False),
        ],
    ),
}


def labels_of(estimator, y):
    columns = {DRGrader: 0, QualityClassifier: 1}
    return y[:, columns[type(estimator)]] if type(estimator) in columns else y


@pytest.mark.parametrize("name", NETS)
def test_a_net_of_skops_answers_and_learns_as_the_one_that_was_stored(name):
    X, y = make_features()
    fitted = NETS[name]()
    y = labels_of(fitted, y)
    fitted.fit(X, y, groups=PATIENTS)
    again = through_skops(fitted)
    assert_answers_alike(again, fitted, X)
    assert again.history == fitted.history
    if name != "ridge":  # which is not continued
        for one in (again, fitted):
            one.partial_fit(X, y, groups=PATIENTS)
        assert_answers_alike(again, fitted, X)


IMAGES = {"image_size": 48, "max_epochs": 1, "batch_size": 8, "random_state": 0}
ON_IMAGES = {
    "a class": lambda: FIQDRClassifier(backbone=TinyBackbone, **IMAGES),
    "an average": lambda: FIQDRClassifier(
        backbone="mobilenet_v3_small", solver="average", **IMAGES
    ),
    "deep features": lambda: make_pipeline(
        DeepFeatures("mobilenet_v3_small", image_size=48, random_state=0), net()
    ),
}


@pytest.mark.parametrize("name", ON_IMAGES)
def test_a_net_of_images_answers_alike(name, fundus):
    fitted = ON_IMAGES[name]().fit(fundus.data, fundus.target)
    assert_answers_alike(through_skops(fitted), fitted, fundus.data)


AROUND = {
    "pipeline": scaled,
    "gate": lambda: QualityGate(scaled(), max_refused=0.1, cv=2),
    "gate by doubt": lambda: QualityGate(net(), by="doubt", max_refused=0.1, cv=2),
    "two estimators": lambda: QualityGate(
        DRGrader(**HEADS), QualityClassifier(**HEADS), max_refused=0.1, cv=2
    ),
    "both eyes": lambda: FellowEyeClassifier(scaled(), cv=2),
    "cut-points": lambda: TunedGradeThresholdsCV(scaled(), cv=2),
    "sets": lambda: ConformalGradesCV(scaled(), cv=2),
    "calibrated": lambda: CalibratedTasksCV(scaled(), cv=2),
    "cut-points of calibrated": lambda: TunedGradeThresholdsCV(
        CalibratedTasksCV(net(), cv=2), cv=2
    ),
}


@pytest.mark.parametrize("name", AROUND)
def test_what_is_around_a_net_answers_alike(name):
    X, y = make_features()
    eyes = {"groups": PATIENTS, "eyes": EYES}
    asks = name in ("gate by doubt", "both eyes")
    fitted = AROUND[name]()
    if name != "pipeline":
        fitted.fit(X, y, **eyes if asks else {"groups": PATIENTS})
    else:
        fitted.fit(X, y)
    again = through_skops(fitted)
    if name == "gate by doubt":
        np.testing.assert_array_equal(
            again.predict(X, **eyes), fitted.predict(X, **eyes)
        )
    else:
        assert_answers_alike(again, fitted, X, **eyes if asks else {})
    if hasattr(fitted, "report_"):
        pd.testing.assert_frame_equal(again.report_, fitted.report_)


def test_ensembles_and_searches_of_scikit_learn_answer_alike():
    X, y = make_features()
    members = [("a", DRGrader(**HEADS)), ("b", DRGrader(**HEADS, lr=0.1))]
    vote = VotingClassifier(members, voting="soft").fit(X, y[:, 0])
    search = GridSearchCV(
        net(), {"beta": [1, 27]}, cv=PatientStratifiedKFold(2), scoring=kappa_scorer
    ).fit(X, y, groups=PATIENTS)
    for fitted in (vote, search):
        assert_answers_alike(through_skops(fitted), fitted, X)


def test_callbacks_that_hold_schedulers_of_torch_go_before_the_net_is_stored():
    X, y = make_features()
    scheduler = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1)
    fitted = net(lr_schedule="constant", callbacks=[scheduler]).fit(X, y)
    expected = fitted.predict_proba(X)
    fitted.trim_for_prediction()
    np.testing.assert_array_equal(through_skops(fitted).predict_proba(X), expected)


# Everything else that copies


@pytest.mark.parametrize(
    "duplicate",
    [
        lambda it, _: pickle.loads(pickle.dumps(it)),
        lambda it, _: copy.deepcopy(it),
        lambda it, _: copy.copy(it),
        lambda it, path: joblib.load(joblib.dump(it, path)[0], mmap_mode="r"),
    ],
    ids=["pickle", "deepcopy", "copy", "read-only map"],
)
def test_copies_have_tensors_of_their_own(duplicate, tmp_path):
    X, y = make_features()
    fitted = net().fit(X, y)
    kept = vars(fitted)["class_weights_"].clone()
    again = duplicate(fitted, tmp_path / "net.joblib")
    assert {k: type(v) for k, v in vars(again).items()} == {
        k: type(v) for k, v in vars(fitted).items()
    }
    again.class_weights_.zero_()
    assert torch.equal(fitted.class_weights_, kept)
    assert torch.equal(again.generator_state_, fitted.generator_state_)


def test_tensors_that_numpy_does_not_know_are_pickled_as_they_are():
    fitted = net(criterion__mine=torch.ones(2, dtype=torch.bfloat16))
    again = pickle.loads(pickle.dumps(fitted))
    assert again.criterion__mine.dtype == torch.bfloat16


def test_a_pickle_from_before_tensors_were_arrays_is_read():
    X, y = make_features()
    fitted = net().fit(X, y)
    state = fitted.__getstate__()
    arrays = state.pop("_tensors")
    state.update({name: torch.tensor(array) for name, array in arrays.items()})
    again = FIQDRClassifier.__new__(FIQDRClassifier)
    again.__setstate__(state)
    assert_answers_alike(again, fitted, X)

"""The three estimators as their users meet them."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Checkpoint, EpochScoring
from torchvision.transforms import v2

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.metrics import fiqdr_scoring, kappa_scorer, quadratic_weighted_kappa
from sk_fiqdr.model_selection import (
    PatientLeakageError,
    PatientStratifiedKFold,
    PatientValidSplit,
)


def make_features(n=200, seed=0):
    """Grade and quality that linear heads can read off the features."""
    rng = np.random.default_rng(seed)
    y = np.column_stack([rng.integers(0, 5, n), rng.random(n) < 0.8]).astype(int)
    X = rng.normal(size=(n, 12)).astype(np.float32)
    X[:, :5] += 3 * np.eye(5)[y[:, 0]]
    X[:, 5] += 3 * y[:, 1]
    return X, y


@pytest.fixture
def features():
    return make_features()


@pytest.fixture
def heads():
    """Settings of an estimator of features."""
    return {
        "backbone": None,
        "max_epochs": 20,
        "lr": 0.1,
        "random_state": 0,
        "batch_size": 32,
    }


def state(net):
    """Everything a fit has learned."""
    return {**net.module_.state_dict(), **net.criterion_.state_dict()}


def same_state(one, two):
    one, two = state(one), state(two)
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("kind", ["paths", "str", "series", "array", "images"])
def test_any_input_trains_both_tasks(kind, tiny, fundus, fundus_paths):
    X = {
        "paths": fundus_paths,
        "str": [str(path) for path in fundus_paths],
        "series": pd.Series([str(path) for path in fundus_paths]),
        "array": np.array([str(path) for path in fundus_paths]),
        "images": fundus.data,
    }[kind]
    net = FIQDRClassifier(**tiny).fit(X, fundus.target)
    n = len(fundus.target)
    assert net.predict(X).shape == (n,)
    assert set(net.predict(X)) <= set(range(5))
    assert set(net.predict_quality(X)) <= {0, 1}
    assert net.predict_proba(X).shape == (n, 5)
    assert net.predict_quality_proba(X).shape == (n, 2)
    assert net.transform(X).shape == (n, net.module_.n_features)
    assert net.score(X, fundus.target) == quadratic_weighted_kappa(
        fundus.target[:, 0], net.predict(X)
    )


def test_paths_and_their_pixels_train_the_same_net(tiny, fundus, fundus_paths):
    by_path = FIQDRClassifier(**tiny).fit(fundus_paths, fundus.target)
    by_pixel = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    assert same_state(by_path, by_pixel)


def test_both_tasks_are_learned_from_features(features, heads):
    X, y = features
    net = FIQDRClassifier(**heads, beta="balanced").fit(X, y)
    scores = fiqdr_scoring(net, *make_features(seed=1))
    assert scores["kappa"] > 0.8
    assert scores["mean_acc"] > 0.8


def test_predict_tasks_is_predict_proba_of_both(features, heads):
    X, y = features
    net = FIQDRClassifier(**heads).fit(X, y)
    grade, quality = net.predict_tasks(X)
    np.testing.assert_array_equal(grade, net.predict_proba(X))
    np.testing.assert_array_equal(quality, net.predict_quality_proba(X))
    np.testing.assert_allclose(grade.sum(axis=1), 1)


@pytest.mark.parametrize("container", [list, pd.DataFrame])
def test_labels_may_come_in_any_container(container, features, heads):
    X, y = features
    one = FIQDRClassifier(**heads).fit(X, container(y.tolist()))
    assert same_state(one, FIQDRClassifier(**heads).fit(X, y))


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint8, np.int64, float])
def test_whole_labels_may_be_of_any_type(dtype, features, heads):
    X, y = features
    one = FIQDRClassifier(**heads).fit(X, np.asfortranarray(y.astype(dtype)))
    assert same_state(one, FIQDRClassifier(**heads).fit(X, y))


def test_masked_labels_teach_nothing(features, heads):
    X, y = features
    masked = y.copy()
    masked[::2] = -1
    heads |= {"batch_size": 200, "max_epochs": 3, "lr_schedule": "constant"}
    one = FIQDRClassifier(**heads).fit(X, masked)
    other = X.copy()
    other[::2] = 99  # whatever stands in rows without labels
    assert same_state(one, FIQDRClassifier(**heads).fit(other, masked))


@pytest.mark.filterwarnings("ignore:Every .* in y is -1")
def test_a_row_with_one_known_label_teaches_that_one(features, heads):
    X, y = features
    y = y.copy()
    y[:, 1] = -1
    net = FIQDRClassifier(**heads).fit(X, y)
    assert net.score(X, y) > 0.8
    assert torch.equal(net.criterion_.centers, torch.zeros_like(net.criterion_.centers))


@pytest.mark.filterwarnings("ignore:Every .* in y is -1")
def test_the_quality_loss_is_weighted_as_asked(features, heads):
    """Without L_q, and without weight decay, the quality head stays as it was built."""
    X, y = features
    net = FIQDRClassifier(
        **heads, quality_loss_weight=0, optimizer__weight_decay=0
    ).fit(X, y)
    untrained = FIQDRClassifier(
        **heads | {"lr": 0.0}, quality_loss_weight=0, optimizer__weight_decay=0
    ).fit(X, y)
    assert torch.equal(
        net.module_.quality_head.weight, untrained.module_.quality_head.weight
    )
    assert not torch.equal(
        net.module_.grade_head[1].weight, untrained.module_.grade_head[1].weight
    )


@pytest.mark.filterwarnings("ignore:Every .* in y is -1")
def test_the_first_loss_is_that_of_equation_7(features, heads):
    """L = L_dr + w L_q of the untrained net, taken by hand from its own outputs."""
    from torch.nn.functional import cross_entropy

    X, y = features
    heads |= {"batch_size": -1, "max_epochs": 1, "lr": 0.0, "lr_schedule": "constant"}
    heads |= {"grade_loss": "cross_entropy", "quality_loss_weight": 0.5}
    net = FIQDRClassifier(**heads, beta=9, lambd=0.3).fit(X, y)
    with torch.no_grad():
        grade, quality, deep = net.module_(torch.from_numpy(X))
    labels = torch.from_numpy(y)
    weight = torch.where(labels[:, 1] == 0, 9.0, 1.0)
    each = cross_entropy(quality, labels[:, 1], reduction="none")
    l_q = ((weight * each).sum() + 0.3 * 0.5 * (deep**2).sum()) / weight.sum()
    expected = cross_entropy(grade, labels[:, 0]) + 0.5 * l_q
    assert net.history[0, "train_loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_balanced_beta_is_good_over_poor_of_the_fitted_labels(features, heads):
    X, y = features
    net = FIQDRClassifier(**heads, beta="balanced").fit(X, y)
    expected = (y[:, 1] == 1).sum() / (y[:, 1] == 0).sum()
    assert net.class_weights_.tolist() == pytest.approx([expected, 1.0])


@pytest.mark.parametrize("estimator", [FIQDRClassifier, QualityClassifier, DRGrader])
def test_a_weight_of_zero_takes_the_row_out(estimator, features, heads):
    X, y = features
    y = y if estimator is FIQDRClassifier else y[:, 1]
    weight = np.ones(len(X))
    weight[::3] = 0
    heads |= {"batch_size": -1, "max_epochs": 3, "iterator_train__shuffle": False}
    kept = weight > 0
    one = estimator(**heads).fit(X, y, sample_weight=weight)
    two = estimator(**heads).fit(X[kept], y[kept])
    for key, value in state(one).items():
        torch.testing.assert_close(value, state(two)[key])


def test_a_fold_without_poor_images_fits(features, heads):
    X, y = features
    good = y[:, 1] == 1
    for beta in (27.0, "balanced"):
        net = FIQDRClassifier(**heads, beta=beta).fit(X[good], y[good])
        assert (net.predict_quality(X) == 1).mean() > 0.9


def test_a_last_batch_of_one_image_does_not_break_batch_norm(tiny, fundus):
    net = FIQDRClassifier(**tiny | {"image_size": 32, "batch_size": 8})
    net.fit(fundus.data[:17], fundus.target[:17])
    assert np.isfinite(net.history[:, "train_loss"]).all()


def test_drop_last_that_leaves_nothing_is_refused(heads, features):
    X, y = features
    heads["batch_size"] = 512
    net = FIQDRClassifier(**heads, iterator_train__drop_last=True)
    with pytest.raises(ValueError, match="drops the only batch"):
        net.fit(X, y)


def test_the_inner_split_keeps_patients_whole(tiny, fundus, fundus_paths):
    seen = []

    class Spy(PatientValidSplit):
        def __call__(self, dataset, y=None, groups=None):
            parts = super().__call__(dataset, y, groups)
            seen.extend(dataset.X[part.indices] for part in parts)
            return parts

    net = FIQDRClassifier(**tiny, train_split=Spy(0.25))
    net.fit(fundus_paths, fundus.target)
    train, valid = ({path.rsplit("_", 1)[0] for path in part} for part in seen)
    assert len(train) == 9
    assert len(valid) == 3
    assert not train & valid
    assert np.isfinite(net.history[:, "valid_loss"]).all()


def test_groups_reach_the_inner_split(features, heads):
    X, y = features
    groups = np.arange(len(X)) // 50
    net = FIQDRClassifier(**heads, train_split=PatientValidSplit(0.25))
    net.fit(X, y, groups=groups)
    assert net.history[0, "valid_batch_count"] == 2  # 50 rows of one group


def test_one_image_can_be_graded(tiny, fundus):
    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    assert net.predict(fundus.data[:1]).shape == (1,)


def test_batches_do_not_change_the_answers(tiny, fundus):
    net = FIQDRClassifier(**tiny, amp=False).fit(fundus.data, fundus.target)
    expected = net.predict_proba(fundus.data)
    net.set_params(batch_size=5)
    np.testing.assert_allclose(net.predict_proba(fundus.data), expected, atol=1e-6)


@pytest.mark.parametrize("data", ["images", "features"])
def test_random_state_repeats_a_fit_bit_for_bit(data, tiny, heads, fundus, features):
    settings = tiny if data == "images" else heads
    X, y = (fundus.data, fundus.target) if data == "images" else features
    one, two = (FIQDRClassifier(**settings).fit(X, y) for _ in range(2))
    other = FIQDRClassifier(**settings | {"random_state": 1}).fit(X, y)
    assert same_state(one, two)
    assert not same_state(one, other)


def test_global_generators_are_left_untouched(tiny, fundus):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 the global generator is what is tested
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    net.predict(fundus.data)
    net.partial_fit(fundus.data, fundus.target)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_clone_keeps_every_parameter_and_no_state(tiny, fundus):
    net = FIQDRClassifier(**tiny, beta=9, lambd=0.2, optimizer__momentum=0.5)
    copy = clone(net.fit(fundus.data, fundus.target))
    assert copy.get_params()["beta"] == 9
    assert copy.get_params()["optimizer__momentum"] == 0.5
    assert copy.get_params()["device"] == "auto"
    assert copy.get_params().keys() == net.get_params().keys()
    assert not hasattr(copy, "module_")


def test_a_fit_never_starts_from_another_fits_centres(features, heads):
    X, y = features
    net = FIQDRClassifier(**heads)
    first = clone(net).fit(X, y)
    net.fit(X[:100], y[:100]).fit(X, y)
    assert same_state(net, first)


def test_pickle_keeps_predictions_and_centres(tiny, fundus):
    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    copy = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(
        net.predict_proba(fundus.data), copy.predict_proba(fundus.data)
    )
    assert same_state(net, copy)


def test_save_and_load_round_trip_without_pickle(fundus, tmp_path):
    net = FIQDRClassifier(
        backbone="mobilenet_v3_small", image_size=48, max_epochs=1, random_state=0
    ).fit(fundus.data, fundus.target)
    net.save_pretrained(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(
        net.predict_proba(fundus.data), loaded.predict_proba(fundus.data)
    )
    assert same_state(net, loaded)


def test_colleagues_may_read_a_saved_model(features, heads, tmp_path):
    FIQDRClassifier(**heads).fit(*features).save_pretrained(tmp_path / "model")
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    for file in (tmp_path / "model").iterdir():
        assert file.stat().st_mode == ordinary.stat().st_mode


@pytest.mark.parametrize("estimator", [QualityClassifier, DRGrader])
def test_single_task_models_travel_too(estimator, features, heads, tmp_path):
    X, y = features
    names = np.array(["poor", "good"])[y[:, 1]]
    net = estimator(**heads).fit(X, names)
    net.save_pretrained(tmp_path / "model")
    loaded = estimator.from_pretrained(tmp_path / "model")
    assert (loaded.predict(X) == net.predict(X)).all()


def test_a_factory_must_be_named_again_when_a_model_is_loaded(tiny, fundus, tmp_path):
    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    net.save_pretrained(tmp_path / "model")
    with pytest.raises(ValueError, match=r"backbone=.*TinyBackbone"):
        FIQDRClassifier.from_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(
        tmp_path / "model", backbone=tiny["backbone"]
    )
    assert same_state(net, loaded)


def test_loading_from_elsewhere_says_what_is_missing(features, heads, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        FIQDRClassifier.from_pretrained(tmp_path)
    X, y = features
    DRGrader(**heads).fit(X, y[:, 0]).save_pretrained(tmp_path / "grader")
    with pytest.raises(ValueError, match="holds a 'DRGrader'"):
        FIQDRClassifier.from_pretrained(tmp_path / "grader")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        DRGrader(**heads).fit(X, y[:, 0]).save_pretrained(tmp_path / "grader")


def test_parameters_of_skorch_keep_working(features, heads):
    X, y = features
    net = FIQDRClassifier(**heads, optimizer=torch.optim.Adadelta)
    net.set_params(
        optimizer__rho=0.8,
        module__embedding_size=16,
        criterion__alpha=0.25,
        iterator_train__num_workers=0,
        callbacks__print_log=None,
    )
    net.fit(X, y)
    assert isinstance(net.optimizer_, torch.optim.Adadelta)
    assert net.optimizer_.param_groups[0]["rho"] == 0.8
    assert net.transform(X).shape == (200, 16)
    assert net.criterion_.alpha == 0.25


def test_weight_decay_spares_biases(features, heads):
    net = FIQDRClassifier(**heads, optimizer__weight_decay=0.5).fit(*features)
    decay, none = net.optimizer_.param_groups
    assert decay["weight_decay"] == 0.5
    assert none["weight_decay"] == 0
    assert all(p.ndim == 1 for p in none["params"])


def test_the_learning_rate_warms_up_and_falls(features, heads):
    from skorch.callbacks import Callback

    rates = []

    class Note(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    FIQDRClassifier(**heads, callbacks=[Note()]).fit(*features)
    peak = int(np.argmax(rates))
    assert max(rates) == pytest.approx(0.1, rel=0.05)
    assert (np.diff(rates[:peak]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 0.001


@pytest.mark.parametrize(
    ("freeze", "learns"), [(True, False), (1, True), (False, True)]
)
def test_freeze_holds_the_backbone(freeze, learns, tiny, fundus):
    net = FIQDRClassifier(**tiny, freeze=freeze).fit(fundus.data, fundus.target)
    start = FIQDRClassifier(**tiny | {"max_epochs": 1}, freeze=True)
    start.fit(fundus.data, fundus.target)
    same = torch.equal(net.module_.backbone[0].weight, start.module_.backbone[0].weight)
    assert same is not learns


def test_augmentation_keeps_hue_and_can_be_replaced(tiny, fundus):
    seen = []

    def spy(image):
        seen.append(image)
        return image

    FIQDRClassifier(**tiny, augment=spy).fit(fundus.data, fundus.target)
    assert seen[0].shape == (3, 48, 48)
    assert seen[0].dtype == torch.uint8
    assert len(seen) == 2 * len(fundus.data)
    plain, augmented = (
        FIQDRClassifier(**tiny, augment=augment).fit(fundus.data, fundus.target)
        for augment in (None, "default")
    )
    assert not same_state(plain, augmented)


@pytest.mark.parametrize("name", ["backbone", "augment"])
def test_a_module_is_a_parameter_like_any_other(name, tiny, fundus):
    modules = {"backbone": tiny["backbone"](), "augment": v2.RandomHorizontalFlip(1.0)}
    net = clone(FIQDRClassifier(**{**tiny, name: modules[name]}))
    assert net.set_params(max_epochs=1).get_params()[name] is getattr(net, name)
    fitted = net.fit(fundus.data, fundus.target)
    again = clone(fitted).fit(fundus.data, fundus.target)
    assert same_state(fitted, again)  # the fit left the given Module as it was
    copy = pickle.loads(pickle.dumps(fitted))
    assert (copy.predict(fundus.data) == fitted.predict(fundus.data)).all()


def test_workers_read_the_same_images(tiny, fundus, fundus_paths):
    # In order: how often a loader draws from the generator depends on its workers.
    tiny |= {"augment": None, "iterator_train__shuffle": False}
    alone = FIQDRClassifier(**tiny).fit(fundus_paths, fundus.target)
    helped = FIQDRClassifier(
        **tiny, iterator_train__num_workers=2, iterator_valid__num_workers=1
    ).fit(fundus_paths, fundus.target)
    assert same_state(alone, helped)
    np.testing.assert_array_equal(
        alone.predict_proba(fundus_paths), helped.predict_proba(fundus_paths)
    )


def test_grid_search_over_beta_and_lambd_on_paths(tiny, fundus, fundus_paths):
    search = GridSearchCV(
        FIQDRClassifier(**tiny | {"max_epochs": 1}),
        {"beta": [1.0, 27.0], "lambd": [0.0, 0.1]},
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=PatientStratifiedKFold(2),
        n_jobs=2,
        error_score="raise",
    ).fit(fundus_paths, fundus.target, groups=fundus.groups)
    assert len(search.cv_results_["mean_test_mean_acc"]) == 4
    assert {p["beta"] for p in search.cv_results_["params"]} == {1.0, 27.0}
    assert search.best_estimator_.beta == search.best_params_["beta"]
    assert set(search.predict(fundus_paths)) <= set(range(5))


def test_grid_search_reaches_beta_and_lambd(features, heads):
    """A search that changed nothing would score every candidate alike."""
    X, y = features
    search = GridSearchCV(
        FIQDRClassifier(**heads | {"max_epochs": 3}),
        {"beta": [0.01, 27.0], "lambd": [0.0, 1.0]},
        scoring=fiqdr_scoring,
        refit=False,
        cv=PatientStratifiedKFold(2),
    ).fit(X, y, groups=np.arange(len(X)))
    assert len(set(search.cv_results_["mean_test_specificity"])) > 1
    assert search.cv_results_["mean_test_specificity"][:2].max() < (
        search.cv_results_["mean_test_specificity"][2:].min()
    )


def test_the_net_is_the_last_step_of_a_pipeline(features, heads):
    X, y = features
    pipeline = make_pipeline(StandardScaler(), PCA(8), FIQDRClassifier(**heads))
    search = GridSearchCV(
        pipeline,
        {"fiqdrclassifier__beta": [1, 9], "pca__n_components": [8, 10]},
        scoring=kappa_scorer,
        cv=PatientStratifiedKFold(2),
        n_jobs=2,
    ).fit(X, y, groups=np.arange(len(X)))
    assert search.best_score_ > 0.6
    assert search.predict(X).shape == (200,)


@pytest.mark.parametrize("estimator", [QualityClassifier, DRGrader])
def test_single_task_estimators_work_in_scikit_learns_meta_estimators(
    estimator, features, heads
):
    X, y = features
    y = y[:, 1] if estimator is QualityClassifier else y[:, 0]
    net = estimator(**heads)
    proba = cross_val_predict(net, X, y, cv=3, method="predict_proba")
    assert proba.shape == (200, len(set(y)))
    for method in ("sigmoid", "temperature"):
        calibrated = CalibratedClassifierCV(net, method=method, cv=2).fit(X, y)
        np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    stack = StackingClassifier(
        [("net", net), ("linear", LogisticRegression())], cv=2
    ).fit(X, y)
    assert stack.score(X, y) > 0.6


def test_the_quality_threshold_can_be_tuned(features, heads):
    X, y = features
    tuned = TunedThresholdClassifierCV(
        QualityClassifier(**heads, beta=1), scoring="balanced_accuracy", cv=3
    ).fit(X, y[:, 1])
    assert tuned.score(X, y[:, 1]) > 0.8


def test_set_output_names_the_deep_features(features, heads):
    net = FIQDRClassifier(**heads, module__embedding_size=3)
    table = net.set_output(transform="pandas").fit(*features).transform(features[0])
    assert list(table) == [f"fiqdrclassifier{i}" for i in range(3)]


def test_unknown_labels_of_a_single_task_are_skipped(features, heads):
    X, y = features
    masked = y[:, 0].copy()
    masked[::4] = -1
    net = DRGrader(**heads).fit(X, masked)
    assert net.classes_.tolist() == [0, 1, 2, 3, 4]
    known = masked >= 0
    assert net.score(X, masked) == (net.predict(X) == masked)[known].mean()


def test_scoring_the_fellow_eye_of_a_trained_patient_raises(tiny, fundus, fundus_paths):
    net = FIQDRClassifier(**tiny).fit(fundus_paths[::2], fundus.target[::2])
    with pytest.raises(PatientLeakageError, match="12 patients"):
        net.score(fundus_paths[1::2], fundus.target[1::2])
    with pytest.raises(PatientLeakageError):
        fiqdr_scoring(net, fundus_paths[1::2], fundus.target[1::2])
    net.score(fundus_paths[::2], fundus.target[::2])  # a training score is none


def test_eyes_named_by_their_folder_are_seen_too(tiny, fundus, tmp_path):
    from PIL import Image

    for patient in range(4):
        (tmp_path / str(patient)).mkdir()
        for eye in ("left", "right"):
            Image.fromarray(fundus.data[patient]).save(
                tmp_path / str(patient) / f"{eye}.png"
            )
    left, right = (sorted(tmp_path.rglob(f"{eye}.png")) for eye in ("left", "right"))
    net = FIQDRClassifier(**tiny).fit(left, fundus.target[:4])
    with pytest.raises(PatientLeakageError, match="4 patients"):
        net.score(right, fundus.target[:4])


def test_the_inner_split_is_set_through_the_net(features, heads):
    net = FIQDRClassifier(**heads, train_split=PatientValidSplit(0.5))
    X, y = features
    net.set_params(train_split__valid_fraction=0.1).fit(X, y, groups=np.arange(len(X)))
    assert net.train_split.valid_fraction == 0.1
    assert net.history[0, "valid_batch_count"] == 1


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(4, int), r"shape \(n_samples, 2\).*got shape \(4,\)"),
        (np.zeros((4, 3), int), r"got shape \(4, 3\)"),
        (np.zeros((3, 2), int), "4 rows of X and 3 of y"),
        (np.full((4, 2), 0.5), "grade in y must hold integers, got 0.5 in row 0"),
        (np.full((4, 2), np.nan), "NaN, first in row 0.*fillna"),
        ([[0, 1], [5, 1], [0, 1], [0, 1]], "grade in y has 5 in row 1"),
        ([[0, 1], [0, 1], [0, 2], [0, 1]], "quality in y has 2 in row 2"),
        ([[0, 1], [-2, 1], [0, 1], [0, 1]], "grade in y has -2 in row 1"),
        (np.full((4, 2), -1), "nothing to learn from"),
        ([["a", "b"]] * 4, "must hold integers"),
        (None, "target y is None"),
    ],
)
def test_bad_labels_are_refused_with_the_way_out(y, message, heads):
    with pytest.raises(ValueError, match=message):
        FIQDRClassifier(**heads).fit(np.zeros((4, 3)), y)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("eye.png", TypeError, r"single path, 'eye.png'.*\[path\]"),
        ([], ValueError, "X is empty"),
        (["nowhere/eye.png"], FileNotFoundError, "1 of 1 image files do not exist"),
        (np.zeros((2, 8, 8, 3)), ValueError, "uint8 pixels.*got float64"),
        (np.full((2, 8, 8, 3), 0.5), ValueError, r"X \* 255"),
        (np.ones((2, 8, 8, 3), np.uint8), ValueError, "nothing above 1"),
        (np.full((2, 3, 8, 8), 9, np.uint8), ValueError, "transpose"),
        (np.full((2, 8, 8), 9, np.uint8), ValueError, "np.repeat"),
        (np.full((8, 8, 3), 9, np.uint8), ValueError, r"X\[None\]"),
        (np.zeros((2, 5)), ValueError, "backbone=None"),
        (pd.DataFrame({"path": ["a"], "age": 1}), ValueError, r"X\['path'\]"),
        (["a.png", 3], TypeError, "Row 1 of X is 3"),
        ([3, 4], TypeError, "int in row 0"),
        (None, TypeError, "got None"),
    ],
)
def test_bad_images_are_refused_with_the_way_out(X, error, message, tiny):
    y = np.zeros((len(X) if hasattr(X, "__len__") else 1, 2), int)
    with pytest.raises(error, match=message):
        FIQDRClassifier(**tiny).fit(X, y)


def test_images_for_heads_alone_are_refused(heads, fundus, fundus_paths):
    with pytest.raises(ValueError, match="backbone=None takes features"):
        FIQDRClassifier(**heads).fit(fundus.data, fundus.target)


@pytest.mark.parametrize("weight", [np.ones(3), -np.ones(200), np.full(200, np.nan)])
def test_bad_sample_weights_are_refused(weight, features, heads):
    with pytest.raises(ValueError, match="weight"):
        FIQDRClassifier(**heads).fit(*features, sample_weight=weight)


@pytest.mark.parametrize(
    "method", ["predict", "predict_quality", "predict_proba", "transform"]
)
def test_predicting_before_fit_says_so(method, fundus):
    with pytest.raises(NotFittedError):
        getattr(FIQDRClassifier(), method)(fundus.data)


def test_images_of_another_size_than_trained_on_give_a_warning(tiny, fundus):
    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    with pytest.warns(UserWarning, match=r"48 x 48 pixels and now sees 24 x 24"):
        net.predict(fundus.data[:, ::2, ::2])


def test_another_image_size_than_fitted_is_an_error(tiny, fundus):
    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    net.set_params(image_size=64)
    with pytest.raises(ValueError, match="fitted at image_size=48"):
        net.predict(fundus.data)


def test_one_unreadable_file_stops_a_fit_by_name(tiny, fundus, fundus_paths, tmp_path):
    broken = tmp_path / "broken ü.jpeg"
    broken.write_bytes(fundus_paths[0].read_bytes()[:200])
    paths = [*fundus_paths[:5], broken]
    with pytest.raises(OSError, match=r"broken ü\.jpeg"):
        FIQDRClassifier(**tiny).fit(paths, fundus.target[:6])


@pytest.mark.parametrize("n_workers", [0, 1])
def test_one_unreadable_file_need_not_stop_a_run(
    n_workers, tiny, fundus, fundus_paths, tmp_path
):
    broken = tmp_path / "broken.jpeg"
    broken.write_bytes(b"<html>not found</html>")
    paths, y = [*fundus_paths[:7], broken], fundus.target[:8]
    net = FIQDRClassifier(
        **tiny,
        on_error="warn",
        iterator_train__num_workers=n_workers,
        iterator_valid__num_workers=n_workers,
    )
    with pytest.warns(UserWarning, match="1 of 8 images could not be read"):
        net.fit(paths, y)
    assert list(net.unreadable_) == [str(broken)]
    net.set_params(on_error="skip")
    assert net.predict(paths)[-1] == -1
    assert net.predict_quality(paths)[-1] == -1
    assert np.isnan(net.predict_proba(paths)[-1]).all()
    assert (net.predict(paths)[:-1] >= 0).all()
    assert net.score(paths, y) == net.score(paths[:-1], y[:-1])


@pytest.mark.parametrize(("column", "task"), [(0, "grade"), (1, "quality")])
def test_a_task_without_any_label_gives_a_warning(column, task, features, heads):
    X, y = features
    y = y.copy()
    y[:, column] = -1
    with pytest.warns(UserWarning, match=f"Every {task} in y is -1"):
        FIQDRClassifier(**heads).fit(X, y)


def test_a_single_class_is_no_classification(heads, features):
    X, _ = features
    with pytest.raises(ValueError, match="got one class: \\[1\\]"):
        QualityClassifier(**heads).fit(X, np.ones(200, int))
    with pytest.raises(ValueError, match="Only binary classification"):
        QualityClassifier(**heads).fit(X, np.arange(200) % 3)


def test_a_fit_that_fails_remembers_whom_it_has_trained_on(tiny, fundus, fundus_paths):
    net = FIQDRClassifier(**tiny | {"lr": 1e30, "lr_schedule": "constant"})
    with pytest.raises(FloatingPointError):
        net.fit(fundus_paths[::2], fundus.target[::2])
    with pytest.raises(PatientLeakageError, match="12 patients"):
        net.score(fundus_paths[1::2], fundus.target[1::2])


def test_a_second_fit_scores_its_epochs_without_the_patients_of_the_first(
    tiny, fundus, fundus_paths
):
    """The fellow eyes of the first fit's are new to a fit that starts from scratch."""
    scoring = EpochScoring(kappa_scorer, lower_is_better=False, name="kappa")
    net = FIQDRClassifier(
        **tiny, train_split=PatientValidSplit(0.5), callbacks=[scoring]
    )
    net.fit(fundus_paths[::2], fundus.target[::2])
    net.fit(fundus_paths[1::2], fundus.target[1::2])
    assert len(net.history[:, "kappa"]) == 2
    with pytest.raises(PatientLeakageError):
        net.score(fundus_paths[::2], fundus.target[::2])


def test_a_net_that_a_callback_pickles_remembers_whom_it_is_trained_on(
    tiny, fundus, fundus_paths, tmp_path
):
    """The best epoch by skorch's Checkpoint is such a net."""
    keep = Checkpoint(
        monitor=None, f_pickle="net.pkl", dirname=tmp_path, load_best=False
    )
    net = FIQDRClassifier(**tiny, callbacks=[keep])
    net.fit(fundus_paths[::2], fundus.target[::2])
    kept = pickle.loads((tmp_path / "net.pkl").read_bytes())
    assert kept.training_data_ == net.training_data_
    with pytest.raises(PatientLeakageError, match="12 patients"):
        kept.score(fundus_paths[1::2], fundus.target[1::2])


@pytest.mark.parametrize("rate", [1e38, 3e30])
def test_a_last_step_that_makes_the_weights_nan_stops_the_fit(heads, features, rate):
    X, y = features
    net = FIQDRClassifier(**heads).set_params(
        lr=rate, lr_schedule="constant", max_epochs=1, batch_size=-1
    )
    with pytest.raises(FloatingPointError, match=r"last step of epoch 1 made '.*lr by"):
        net.fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("method", ["predict", "predict_quality_proba", "transform"])
def test_outputs_that_are_not_finite_are_not_called_unreadable(
    heads, features, value, method
):
    X, y = features
    net = FIQDRClassifier(**heads).fit(X, y)
    with torch.no_grad():
        for weights in net.module_.parameters():
            weights.fill_(value)
    with pytest.raises(FloatingPointError, match=r"of 200 rows, .* row 0\."):
        getattr(net, method)(X)


def test_a_file_for_which_the_network_computes_nan_is_named(tiny, fundus, fundus_paths):
    net = FIQDRClassifier(**tiny, on_error="skip").fit(fundus.data, fundus.target)
    with torch.no_grad():
        for weights in net.module_.parameters():
            weights.fill_(np.nan)
    with pytest.raises(FloatingPointError, match=f"row 1, .*{fundus_paths[0].name}"):
        net.predict(["missing.png", fundus_paths[0]])


@pytest.mark.parametrize("estimator", [DRGrader, QualityClassifier])
def test_a_missing_label_and_a_second_column_are_named(estimator, heads, features):
    X, y = features
    column = 0 if estimator is DRGrader else 1
    with pytest.raises(ValueError, match=rf"got shape \(200, 2\).*pass y\[:, {column}"):
        estimator(**heads).fit(X, y)
    y = y[:, column].astype(float)
    y[7] = np.nan
    with pytest.raises(ValueError, match=r"NaN, first in row 7.*unknown.*-1"):
        estimator(**heads).fit(X, y)

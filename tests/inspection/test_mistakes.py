"""The gallery of confident mistakes."""

import numpy as np
import pytest
from PIL import Image
from sklearn.svm import LinearSVC

from sk_fiqdr import DRGrader, FIQDRClassifier
from sk_fiqdr.inspection import MistakesDisplay


@pytest.fixture
def five():
    """Five grey photographs, each of its own brightness; the third row is right."""
    X = np.stack([np.full((20, 30, 3), 40 * i, np.uint8) for i in range(1, 6)])
    y = np.array([[0, 1], [1, 0], [2, 1], [3, 1], [4, -1]])
    sure = np.array([0.5, 0.8, 0.8, 0.6, 0.7])
    proba = np.repeat((1 - sure[:, None]) / 4, 5, axis=1)
    said = [4, 2, 2, 0, 0]
    proba[range(5), said] = sure
    return X, y, proba


def test_the_surest_mistakes_come_first(five):
    frame = MistakesDisplay.from_predictions(*five).frame()
    assert frame["row"].tolist() == [1, 4, 3, 0]
    assert frame["true"].tolist() == [1, 4, 3, 0]
    assert frame["predicted"].tolist() == [2, 0, 0, 4]
    assert frame["confidence"].tolist() == [0.8, 0.7, 0.6, 0.5]
    assert frame["quality"].tolist() == [0, -1, 1, 1]


def test_each_photograph_stands_under_its_own_caption(five):
    display = MistakesDisplay.from_predictions(*five)
    brightness = display.photographs[:, 112, 112, 0].tolist()
    assert brightness == [40 * (row + 1) for row in display.frame()["row"]]
    titles = [ax.get_title() for ax in display.axes_.flat]
    assert titles[0] == "true 1, predicted 2 (80%)\nrow 1, poor"
    assert titles[1] == "true 4, predicted 0 (70%)\nrow 4"


def test_as_many_as_asked_for_and_the_number_of_all_is_told(five):
    display = MistakesDisplay.from_predictions(*five, n_images=2)
    assert display.frame()["row"].tolist() == [1, 4]
    assert display.n_mistakes == 4
    assert display.n_answered == 5
    title = display.axes_[0, 0].figure.get_suptitle()
    assert title == "2 of 4 mistakes of the grade among 5 predictions"


def test_what_is_not_known_or_not_answered_is_no_mistake(five):
    X, y, proba = five
    y[1, 0], proba[4] = -1, np.nan
    y_pred = np.array([4, 2, 2, -1, 0])
    display = MistakesDisplay.from_predictions(X, y, proba, y_pred=y_pred)
    assert display.frame()["row"].tolist() == [0]
    assert display.n_answered == 2


def test_answers_other_than_the_most_probable_have_their_own_confidence(five):
    X, y, proba = five
    display = MistakesDisplay.from_predictions(X, y, proba, y_pred=[1, 1, 2, 3, 4])
    assert display.frame()["row"].tolist() == [0]
    assert display.frame()["confidence"].tolist() == [0.125]


def test_without_a_mistake_it_says_so(five):
    X, y, _ = five
    display = MistakesDisplay.from_predictions(X, y, np.eye(5))
    assert len(display.frame()) == 0
    assert display.axes_[0, 0].texts[0].get_text() == "no mistake among 5 predictions"
    unknown = MistakesDisplay.from_predictions(X, np.full_like(y, -1), np.eye(5))
    assert unknown.axes_[0, 0].texts[0].get_text() == "no mistake among 0 predictions"


def test_mistakes_of_the_quality(five):
    X, y, _ = five
    for truth in (y, y[:, 1]):
        display = MistakesDisplay.from_predictions(
            X, truth, [0.9, 0.7, 0.4, 0.2, 0.1], task="quality"
        )
        assert display.frame()["row"].tolist() == [3, 1, 2]
        assert display.axes_[0, 0].get_title().startswith("true good, predicted poor")


def test_files_are_named_and_read_whatever_their_names(tmp_path, five):
    _, y, proba = five
    folder = tmp_path / "fotos ä ö"
    folder.mkdir()
    paths = [folder / f"{i}_{'x' * 40}_left eye.png" for i in range(5)]
    for i, path in enumerate(paths):
        Image.new("RGB", (30, 20), (40 * (i + 1),) * 3).save(path)
    paths[4].write_bytes(b"no image")
    display = MistakesDisplay.from_predictions(paths, y, proba)
    assert display.frame()["name"].tolist() == [paths[i].name for i in (1, 4, 3, 0)]
    assert display.photographs[:, 112, 112, 0].tolist() == [80, 0, 160, 40]
    assert all(len(line) < 40 for line in display.axes_[0, 0].get_title().split("\n"))


def test_an_estimator_shows_its_mistakes(tiny, fundus):
    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    for task, answer in (
        ("grade", net.predict(fundus.data)),
        ("quality", net.predict_quality(fundus.data)),
    ):
        display = MistakesDisplay.from_estimator(
            net, fundus.data, fundus.target, task=task, n_images=30
        )
        column = 0 if task == "grade" else 1
        wrong = np.flatnonzero(answer != fundus.target[:, column])
        assert sorted(display.frame()["row"]) == wrong.tolist()


def test_bad_arguments_are_refused(five, tiny, fundus):
    X, y, proba = five
    with pytest.raises(ValueError, match="'both'"):
        MistakesDisplay.from_predictions(X, y, proba, task="both")
    with pytest.raises(ValueError, match="n_images"):
        MistakesDisplay.from_predictions(X, y, proba, n_images=0)
    with pytest.raises(ValueError, match="X has 4 images and y_true 5 rows"):
        MistakesDisplay.from_predictions(X[:4], y, proba)
    with pytest.raises(ValueError, match="looks like features"):
        MistakesDisplay.from_predictions(proba, y, proba)
    grader = DRGrader(**tiny).fit(fundus.data, fundus.target[:, 0])
    with pytest.raises(TypeError, match="DRGrader predicts grade"):
        MistakesDisplay.from_estimator(
            grader, fundus.data, fundus.target, task="quality"
        )
    svc = LinearSVC().fit(proba, y[:, 0])
    with pytest.raises(TypeError, match="predict_proba, which LinearSVC does not"):
        MistakesDisplay.from_estimator(svc, proba, y)
